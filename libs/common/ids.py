"""Names for things, computed from what caused them.

1. Same causes, same id: a replay after a crash is recognised as a replay.
2. An order id is written plainly, so that a lost ledger can be rebuilt by reading the venue's own orders:
   `ik{s}-{SYMBOL}-{slot minute in base36}-{purpose}`, parsed back without loss.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final, NewType

from libs.common.errors import Misconfigured
from libs.common.units import MINUTE_MS, Instant, Symbol

OrderLinkId = NewType("OrderLinkId", str)  # at most 36 of [A-Za-z0-9_-], unique at the venue for ever

MAX_SYMBOL: Final = 20
ENTRY: Final = "e"
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_PURPOSE: Final = re.compile(r"e|x[1-9]\d{0,2}|p[1-9]a[1-9]")
_LINK_ID: Final = re.compile(r"ik([a-z0-9])-([A-Z0-9]{1,20})-([0-9a-z]{1,7})-(e|x[1-9]\d{0,2}|p[1-9]a[1-9])")


def derive_id(kind: str, *causes: str) -> str:
    """Return the one id that these causes give, for ever and on every machine."""
    return f"{kind}-{blake2b('|'.join(causes).encode(), digest_size=8).hexdigest()}"


def deriving(kind: str, *causes: str) -> Callable[[str], str]:
    """Return what makes the id that `derive_id` gives to these causes and one more: of many, in half the time."""
    begun = blake2b("|".join((*causes, "")).encode(), digest_size=8)

    def derived(last: str) -> str:
        whole = begun.copy()
        whole.update(last.encode())
        return f"{kind}-{whole.hexdigest()}"

    return derived


@dataclass(frozen=True, slots=True)
class OrderName:
    """What an order id says: strategy, symbol, the 15m close that caused it, and what the order is for.

    `slot` is in market milliseconds, a whole minute. Purposes: `e` entry; `x1, x2…` exits;
    `p1a1, p1a2…` partial exit n, attempt k.
    """

    symbol: Symbol
    slot: Instant
    purpose: str
    strategy: str = "a"

    def link_id(self) -> OrderLinkId:
        """Encode; raises Misconfigured if a part does not fit the venue's 36 characters."""
        if not re.fullmatch(r"[A-Z0-9]{1,20}", self.symbol):
            raise Misconfigured(f"symbol {self.symbol!r}: at most {MAX_SYMBOL} characters of A-Z and 0-9")
        if self.slot < 0 or self.slot % MINUTE_MS or not _PURPOSE.fullmatch(self.purpose):
            raise Misconfigured(f"no order can be named {self!r}")
        return OrderLinkId(f"ik{self.strategy}-{self.symbol}-{base36(self.slot // MINUTE_MS)}-{self.purpose}")


def parse_link_id(text: str) -> OrderName | None:
    """Read an order id of ours; None for anybody else's."""
    found = _LINK_ID.fullmatch(text)
    if not found:
        return None
    strategy, symbol, minute, purpose = found.groups()
    if base36(int(minute, 36)) != minute:  # a leading zero: not written by us
        return None
    return OrderName(Symbol(symbol), Instant(int(minute, 36) * MINUTE_MS), purpose, strategy)


def base36(number: int) -> str:
    """Return a non-negative whole number in base 36, lower case."""
    digits = ""
    while True:
        number, rest = divmod(number, 36)
        digits = _DIGITS[rest] + digits
        if number == 0:
            return digits
