"""Who is listed in an invented market: familiar names first, then as many made-up ones as are asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import numpy as np

from libs.common.units import Symbol
from services.paper_exchange.core.invented.climate import BARS, MARKET_SIGMA, SECTORS, Cast, dice
from services.paper_exchange.core.market.facts import qty_step

GROUP_SIZE: Final = 50
_CASTING: Final = 5  # what a stream of dice is for

_SIGMA: Final = 0.038  # of a symbol on a usual day: median, and spread of its logarithm
_SIGMA_SPREAD: Final = 0.26
# A symbol's own noise against its share of the market: it rises with the rank (pairs of the first twelve are correlated
# by 0.76, pairs of all thirty by 0.64), and some symbols go their own ways (one pair in twenty is below 0.15).
_NOISE: Final = (0.24, 0.12, 0.7)  # at rank one, power of the rank, at most
_LONERS: Final = 0.55
_LONELIEST: Final = 4.0
# USDT a day: 14-17 thousand millions at the top, 150 million in the middle of thirty.
_TURNOVER: Final = 1.5e10
_TURNOVER_FALL: Final = 1.65
_TURNOVER_SPREAD: Final = 0.9
_PREMIUM: Final = (-0.00046, 0.00003)  # of contract over index: mean and spread; see premium.py
_FICKLE_SPREAD: Final = 0.35  # of the logarithm
_MAJORS: Final = 2  # are the market

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
    rank = 1 + number * GROUP_SIZE + np.arange(GROUP_SIZE)
    noise = np.minimum(_NOISE[0] * rank ** _NOISE[1], _NOISE[2]) * np.exp(_LONERS * rng.exponential(size=GROUP_SIZE))
    noise = np.minimum(noise, _LONELIEST)
    sigma = _SIGMA * np.exp(_SIGMA_SPREAD * rng.normal(size=GROUP_SIZE))
    beta = sigma / MARKET_SIGMA / np.sqrt(1 + noise**2)
    turnover = _TURNOVER * rank**-_TURNOVER_FALL * np.exp(_TURNOVER_SPREAD * rng.normal(size=GROUP_SIZE))
    if number == 0:
        beta[:_MAJORS], noise[:_MAJORS], turnover[:_MAJORS] = (0.58, 1.0), (0.45, 0.4), _TURNOVER
    return Cast(
        number=number,
        anchor=np.log([float(member.price) for member in members]),
        beta=beta,
        sector=rng.integers(SECTORS, size=GROUP_SIZE),
        sigma=MARKET_SIGMA * beta * noise,
        turnover=turnover / BARS,
        premium=rng.normal(*_PREMIUM, size=GROUP_SIZE),
        fickle=np.exp(_FICKLE_SPREAD * rng.normal(size=GROUP_SIZE)),
    )


def _role(place: int) -> Role:
    if place < len(_FAMILIAR):
        name, price = _FAMILIAR[place]
    else:
        name, price = f"SYNTH{place + 1:03d}USDT", str(Decimal(1 + place * 7 % 97).scaleb(place % 5 - 3))
    worth = Decimal(price)
    digits = 6 if place < _MAJORS else 5
    return Role(Symbol(name), worth, Decimal(1).scaleb(worth.adjusted() + 1 - digits), qty_step(worth))
