"""Rules as they are ordered: which fields each of them takes, and what may stand in them."""

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Final, TypeVar

from pydantic import JsonValue

from libs.common.errors import Refused
from libs.common.units import DAY_MS, Fraction
from services.paper_exchange.core.books.fields import Json
from services.paper_exchange.core.faults.faults import ALWAYS, FRAMES, REQUESTS, Fault, Misfortune
from services.paper_exchange.core.faults.subject import Stream

LONGEST_MS: Final = 60_000
LONGEST_TEXT: Final = 200

M = Misfortune
T = TypeVar("T")

_OFTEN: Final = ("times", "probability", "seed")
_REQUEST: Final = ("endpoint", "symbol", "order", *_OFTEN)
_FRAME: Final = ("topic", "symbol", "order", "stream", *_OFTEN)
TAKES: Final[Mapping[Misfortune, tuple[str, ...]]] = {
    **dict.fromkeys(REQUESTS, _REQUEST),
    **dict.fromkeys(FRAMES, _FRAME),
    M.DELAY: (*_REQUEST, "delay_ms"),
    M.HTTP_ERROR: (*_REQUEST, "status", "accepted"),
    M.REFUSE: (*_REQUEST, "ret_code", "ret_msg"),
    M.REFUSE_STOP: (*_REQUEST, "ret_code", "ret_msg"),
    M.UNREADABLE: (*_REQUEST, "accepted"),
    M.REORDER_FRAMES: (*_FRAME, "delay_ms"),
    M.DELAY_FRAMES: (*_FRAME, "delay_ms"),
    M.STALE_POSITIONS: ("symbol", "for_ms", *_OFTEN),
    M.HIDE_ORDERS: ("symbol", "order", "for_ms", *_OFTEN),
    M.PARTIAL_FILL: ("symbol", "order", "fraction", *_OFTEN),
    M.CLOCK: ("offset_ms", "for_ms"),
    M.DISCONNECT: ("stream",),
    M.LOSE_STOP: ("symbol",),
    M.RESTART: ("down_ms",),
}
_WHOLE: Final[Mapping[str, tuple[int, int]]] = {
    "times": (1, ALWAYS),
    "seed": (0, 2**53),
    "delay_ms": (0, LONGEST_MS),
    "status": (500, 599),
    "ret_code": (1, 10_000_000),
    "offset_ms": (-DAY_MS, DAY_MS),
    "for_ms": (1, DAY_MS),
    "down_ms": (0, LONGEST_MS),
}


def read_fault(body: JsonValue) -> Fault:
    """Read a rule; raises Refused naming the field, what stood in it and what may."""
    if not isinstance(body, dict):
        raise Refused(f"body must be an object with rule, one of {', '.join(M)}")
    rule = _choice(body, "rule", M)
    if rule is None:
        raise Refused(f"rule = {body.get('rule')!r}: must be one of {', '.join(M)}")
    for name in body.keys() - {"rule", *TAKES[rule]}:
        raise Refused(f"{name} = {body[name]!r}: {rule} takes {', '.join(TAKES[rule])}")
    endless = "probability" in body or "for_ms" in body or rule is M.CLOCK
    return Fault(
        rule=rule,
        endpoint=_text(body, "endpoint"),
        symbol=_text(body, "symbol"),
        order=_text(body, "order"),
        topic=_text(body, "topic"),
        stream=_choice(body, "stream", Stream),
        times=_whole(body, "times", ALWAYS if endless else 1),
        probability=_probability(body),
        seed=_whole(body, "seed", 0),
        for_ms=_given(body, "for_ms", _whole_of),
        delay_ms=_whole(body, "delay_ms", 1_000),
        status=_whole(body, "status", 502),
        ret_code=_whole(body, "ret_code", 10001 if rule is M.REFUSE_STOP else 10016),
        ret_msg=_text(body, "ret_msg"),
        accepted=_flag(body, "accepted", rule is M.UNREADABLE),
        fraction=_fraction(body),
        offset_ms=_offset(body, rule),
        down_ms=_whole(body, "down_ms", 0),
    )


def _given(body: Json, name: str, read: Callable[[Json, str], T]) -> T | None:
    return read(body, name) if name in body else None


def _text(body: Json, name: str) -> str:
    value = body.get(name, "")
    if not isinstance(value, str) or len(value) > LONGEST_TEXT:
        raise Refused(f"{name} = {_shown(value)}: must be text of at most {LONGEST_TEXT} characters")
    return value


def _whole(body: Json, name: str, default: int) -> int:
    return _whole_of(body, name) if name in body else default


def _whole_of(body: Json, name: str) -> int:
    least, most = _WHOLE[name]
    value = body[name]
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise Refused(f"{name} = {_shown(value)}: must be a whole number from {least} to {most}")
    return value


def _offset(body: Json, rule: Misfortune) -> int:
    if rule is M.CLOCK and "offset_ms" not in body:
        raise Refused("offset_ms is missing: by how many ms the clock is fast, negative for slow")
    return _whole(body, "offset_ms", 0)


def _probability(body: Json) -> float:
    value = body.get("probability", 1)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= 1:
        raise Refused(f"probability = {_shown(value)}: must be a number above 0 and at most 1")
    return float(value)


def _fraction(body: Json) -> Fraction:
    value = body.get("fraction", "0.5")
    try:
        fraction = Decimal(str(value)) if isinstance(value, int | float | str) else Decimal("NaN")
    except InvalidOperation:
        fraction = Decimal("NaN")
    if isinstance(value, bool) or not fraction.is_finite() or not 0 <= fraction < 1:
        raise Refused(f"fraction = {_shown(value)}: must be a number from 0 to below 1")
    return Fraction(fraction)


def _flag(body: Json, name: str, default: bool) -> bool:
    value = body.get(name, default)
    if not isinstance(value, bool):
        raise Refused(f"{name} = {_shown(value)}: must be true or false")
    return value


Choice = TypeVar("Choice", Misfortune, Stream)


def _choice(body: Json, name: str, kind: type[Choice]) -> Choice | None:
    """Return the member that is named, None when none is. Raises Refused for any other word."""
    if name not in body:
        return None
    found = next((each for each in kind if each.value == body[name]), None)
    if found is None:
        raise Refused(f"{name} = {_shown(body[name])}: must be one of {', '.join(kind)}")
    return found


def _shown(value: JsonValue) -> str:
    return repr(value)[:LONGEST_TEXT]
