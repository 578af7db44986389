"""One table: what each answer of the venue means for the request that got it.

Unlisted codes are ambiguous: an answer we do not understand is not a refusal.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from libs.common.exchange.trading_types import (
    Ambiguous,
    Exists,
    Outcome,
    RefusedForGood,
    RefusedForNow,
    Unchanged,
)


class Meaning(StrEnum):
    REFUSED = "refused for good"
    LATER = "refused, same id later"
    EXISTS = "exists"
    UNCHANGED = "unchanged"
    AMBIGUOUS = "ambiguous"


_M = Meaning
MEANINGS: Final[Mapping[int, Meaning]] = {
    10001: _M.REFUSED,  # bad parameter, with its text
    10002: _M.LATER,  # dated outside the window: it was late, or our clock is wrong
    10003: _M.REFUSED,
    10004: _M.REFUSED,
    10005: _M.REFUSED,
    10006: _M.LATER,  # too many visits
    10010: _M.REFUSED,
    10014: _M.EXISTS,  # duplicate request
    33004: _M.REFUSED,
    10000: _M.AMBIGUOUS,  # time-out inside the venue
    10016: _M.AMBIGUOUS,  # server error
    10017: _M.REFUSED,
    110001: _M.REFUSED,  # no such order, or too late to cancel
    110003: _M.REFUSED,
    110004: _M.REFUSED,
    110007: _M.REFUSED,
    110008: _M.REFUSED,
    110009: _M.REFUSED,
    110010: _M.REFUSED,
    110012: _M.REFUSED,
    110013: _M.REFUSED,
    110017: _M.REFUSED,  # reduce-only: nothing left to reduce
    110020: _M.REFUSED,
    110021: _M.REFUSED,
    110023: _M.REFUSED,
    110024: _M.REFUSED,
    110025: _M.UNCHANGED,
    110026: _M.UNCHANGED,
    110028: _M.REFUSED,
    110043: _M.UNCHANGED,  # leverage not modified
    110044: _M.REFUSED,
    110045: _M.REFUSED,
    110061: _M.REFUSED,
    110072: _M.EXISTS,  # duplicate orderLinkId: the first request arrived
    110073: _M.REFUSED,
    110086: _M.REFUSED,
    110090: _M.REFUSED,
    110092: _M.REFUSED,
    110093: _M.REFUSED,
    110094: _M.REFUSED,
    110120: _M.REFUSED,
    110121: _M.REFUSED,
    30208: _M.REFUSED,
    30209: _M.REFUSED,
    34040: _M.UNCHANGED,  # trading-stop: not modified
    3400045: _M.REFUSED,
}


def outcome_of(code: int, text: str, *, wait_ms: int = 1_000) -> Outcome:
    """Return what a refusal code means; `wait_ms` is how long the venue asks us to wait."""
    match MEANINGS.get(code, Meaning.AMBIGUOUS):
        case Meaning.REFUSED:
            return RefusedForGood(code, text)
        case Meaning.LATER:
            return RefusedForNow(code, text, wait_ms)
        case Meaning.EXISTS:
            return Exists(code, text)
        case Meaning.UNCHANGED:
            return Unchanged(code)
        case Meaning.AMBIGUOUS:
            return Ambiguous(f"{code} {text}")
