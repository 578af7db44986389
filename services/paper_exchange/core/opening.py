"""How a world begins that has no books yet, and how fast it runs."""

from dataclasses import dataclass
from decimal import Decimal

from libs.common.units import Usd


@dataclass(frozen=True, slots=True)
class Opening:
    """`speed` in market seconds per wall second; None is lockstep."""

    balance: Usd
    seed: int
    speed: Decimal | None
    paused: bool
