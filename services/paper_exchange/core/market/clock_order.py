"""What may be asked of the market's clock."""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final, Literal

from pydantic import JsonValue

from libs.common.errors import Refused
from libs.common.units import DAY_MS

FASTEST: Final = Decimal(100_000)
MAX: Final = "max"
_KEYS: Final = frozenset({"speed", "paused", "step"})


@dataclass(frozen=True, slots=True)
class ClockOrder:
    """None leaves as it is; `step` is in market ms."""

    speed: Decimal | Literal["max"] | None = None
    paused: bool | None = None
    step: int | None = None


def read_order(body: JsonValue) -> ClockOrder:
    """Raises Refused naming the field, its value and what is allowed."""
    if not isinstance(body, dict) or not body or set(body) - _KEYS:
        raise Refused(f"body must be an object with some of {', '.join(sorted(_KEYS))}")
    return ClockOrder(_speed(body.get("speed")), _paused(body.get("paused")), _step(body.get("step")))


def _speed(value: JsonValue) -> Decimal | Literal["max"] | None:
    if value is None:
        return None
    if value == MAX:
        return MAX
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        try:
            speed = Decimal(str(value))
        except InvalidOperation:
            speed = Decimal(0)
        if speed.is_finite() and 0 < speed <= FASTEST:
            return speed
    raise Refused(f"speed = {value!r}: must be more than 0 and at most {FASTEST}, or {MAX}")


def _paused(value: JsonValue) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    raise Refused(f"paused = {value!r}: must be true or false")


def _step(value: JsonValue) -> int | None:
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= DAY_MS:
        return value
    raise Refused(f"step = {value!r}: must be whole market milliseconds, 1 to {DAY_MS}")
