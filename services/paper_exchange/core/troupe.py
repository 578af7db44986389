"""Who is listed in an invented market: familiar names first, then as many made-up ones as are asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import numpy as np

from libs.common.units import Symbol
from services.paper_exchange.core.climate import SECTORS, Cast, dice
from services.paper_exchange.core.facts import qty_step

GROUP_SIZE: Final = 50
_CASTING: Final = 5  # what a stream of dice is for

# Names are familiar so that screens read well; the prices are not theirs.
_FAMILIAR: Final = (
    ("BTCUSDT", "60000"), ("ETHUSDT", "2500"), ("SOLUSDT", "150"), ("XRPUSDT", "2"), ("BNBUSDT", "600"),
    ("DOGEUSDT", "0.2"), ("ADAUSDT", "0.7"), ("AVAXUSDT", "25"), ("LINKUSDT", "15"), ("LTCUSDT", "90"),
    ("DOTUSDT", "5"), ("BCHUSDT", "400"), ("SUIUSDT", "3"), ("NEARUSDT", "3"), ("UNIUSDT", "8"),
    ("APTUSDT", "5"), ("ARBUSDT", "0.4"), ("OPUSDT", "0.8"), ("TRXUSDT", "0.3"), ("XLMUSDT", "0.3"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Role:
    symbol: Symbol
    price: Decimal  # at the beginning of the invented world
    tick: Decimal
    step: Decimal  # of quantities


def roles(count: int) -> tuple[Role, ...]:
    """Return who plays in a market of `count` symbols, in order of importance."""
    return tuple(_role(place) for place in range(count))


def cast_of(seed: int, number: int, members: Sequence[Role]) -> Cast:
    """Return group `number`, which has GROUP_SIZE members."""
    rng = dice(seed, _CASTING, number)
    beta, sigma = rng.uniform(0.8, 1.5, GROUP_SIZE), rng.uniform(0.02, 0.05, GROUP_SIZE)
    if number == 0:
        beta[:2], sigma[:2] = (1.0, 1.1), (0.006, 0.010)  # the majors are the market
    anchor = np.log([float(member.price) for member in members])
    return Cast(number, anchor, beta, rng.integers(SECTORS, size=GROUP_SIZE), sigma)


def _role(place: int) -> Role:
    if place < len(_FAMILIAR):
        name, price = _FAMILIAR[place]
    else:
        name, price = f"SYNTH{place + 1:03d}USDT", str(Decimal(1 + place * 7 % 97).scaleb(place % 5 - 3))
    worth = Decimal(price)
    return Role(Symbol(name), worth, Decimal(1).scaleb(worth.adjusted() - 5), qty_step(worth))
