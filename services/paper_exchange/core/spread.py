"""How far from the last price a market order fills: wider for a coarse tick and in a wild market."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from libs.common.exchange.market_types import Instrument
from libs.common.exchange.trading_types import Action
from libs.common.units import Instant, Price, Symbol, Timeframe, ceil_to, floor_to
from services.paper_exchange.core.market import Bar, Market

LEAST: Final = Decimal("0.00002")  # half spreads, as fractions of the price
MOST: Final = Decimal("0.0015")
OF_RANGE: Final = Decimal("0.02")  # and of the mean range of the quarter hours before


@dataclass(frozen=True, slots=True)
class Quote:
    """The market as an order meets it; `mark` is the last price."""

    last: Price
    bid: Price
    ask: Price

    @property
    def mark(self) -> Price:
        return self.last

    def taken(self, action: Action) -> Price:
        """The price that a market order gets."""
        return self.ask if action is Action.BUY else self.bid


def half_spread(quarters: Sequence[Bar]) -> Decimal:
    """Return half the spread as a fraction of the price, from the closed 15m bars before."""
    closed = [bar for bar in quarters if bar.closed]
    ranges = [(bar.high - bar.low) / bar.close for bar in closed]
    mean = sum(ranges, Decimal(0)) / len(ranges) if ranges else Decimal(0)
    return min(MOST, max(LEAST, mean * OF_RANGE))


class Spreads:
    """Quotes of a market: one spread per symbol and quarter hour, so that asking is cheap."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._instruments = {listed.symbol: listed for listed in market.instruments}
        self._known: dict[Symbol, tuple[int, Decimal]] = {}

    def quote(self, symbol: Symbol, last: Price, at: Instant) -> Quote:
        quarter = at // Timeframe.M15.ms
        known = self._known.get(symbol)
        if known is None or known[0] != quarter:
            begun = Instant(quarter * Timeframe.M15.ms)
            bars = self._market.bars(symbol, Timeframe.M15.ms, start=None, end=None, limit=9, now=begun)
            known = self._known[symbol] = (quarter, half_spread(bars))
        return quote(last, known[1], self._instruments[symbol])


def quote(last: Price, fraction: Decimal, instrument: Instrument) -> Quote:
    """Return bid and ask round `last`, on the tick, at least one tick apart."""
    half = last * fraction
    bid = floor_to(last - half, instrument.tick)
    ask = max(ceil_to(last + half, instrument.tick), bid + instrument.tick)
    return Quote(last, Price(max(bid, instrument.tick)), Price(ask))
