"""A market that the story writes as it goes: prices when it says so, funding at every full hour."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from libs.common.exchange.market_types import Instrument
from libs.common.units import HOUR_MS, Instant, Price, Qty, Symbol
from services.paper_exchange.core.market.market import Settlement, Tick
from tests.support.scripted_market import START, ScriptedMarket, instrument

FIRST: Final[Mapping[Symbol, Price]] = {
    Symbol(name): Price(Decimal(price))
    for name, price in {
        "ADAUSDT": "80",
        "BTCUSDT": "1000",
        "ETHUSDT": "400",
        "SOLUSDT": "200",
        "XRPUSDT": "100",
    }.items()
}
SYMBOLS: Final = tuple(sorted(FIRST))
RATE: Final = Decimal("0.0003")
BEFORE_MS: Final = 2_000  # so long before the first candle's close the world begins
TRADED: Final = Qty(Decimal(1_000))  # base units at every tick: stops find somebody to trade with


@dataclass
class Tape(ScriptedMarket):
    """Nothing moves but by `write`."""

    instruments: Sequence[Instrument] = field(default_factory=lambda: tuple(map(instrument, SYMBOLS)))
    first: Mapping[Symbol, Price] = field(default_factory=lambda: dict(FIRST))
    start: Instant = Instant(START - BEFORE_MS)

    def write(self, symbol: Symbol, price: Price, at: Instant) -> None:
        self.ticks = (*self.ticks, Tick(at, symbol, price, price, TRADED))

    def settlements(self, after: Instant, until: Instant, of: Symbol | None = None) -> Sequence[Settlement]:
        hours = range(after - after % HOUR_MS + HOUR_MS, until + 1, HOUR_MS)
        symbols = SYMBOLS if of is None else (of,)
        return [Settlement(Instant(at), symbol, RATE) for at in hours for symbol in symbols]

    def next_settlement(self, symbol: Symbol, now: Instant) -> Instant:
        return Instant(now - now % HOUR_MS + HOUR_MS)


__all__ = ["BEFORE_MS", "START", "SYMBOLS", "Tape"]
