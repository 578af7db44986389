"""The book that an order meets: a spread, and behind it levels that hold more the further away they are.

What a trade moves the price by grows with the square root of its share of the volume, as measured on real markets
(Almgren et al. 2005; Tóth et al. 2011). A ladder whose level k holds 2k + 1 times the first one's quantity has just
that: n levels hold n² of it.

A market that another venue makes shows levels of its own, and then an order meets those.

1. Levels are on the tick, positive, and no two have one price.
2. What is shown is what is traded: the order book of the public side is this ladder.
3. Levels that were seen are true of their own time: a price from before them meets the modelled ladder.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Final, Protocol, runtime_checkable

from libs.common.exchange.market_types import Instrument
from libs.common.exchange.trading_types import Action
from libs.common.units import ZERO, Instant, Price, Qty, Symbol, Timeframe, ceil_to, floor_to
from services.paper_exchange.core.market.market import Bar, Market

LEAST: Final = Decimal("0.00002")  # half spreads, as fractions of the price
MOST: Final = Decimal("0.0015")
OF_RANGE: Final = Decimal("0.02")  # and of the mean range of the quarter hours before
GAP: Final = Decimal("0.00005")  # between levels, as a fraction of the price, where the tick is finer
LEAST_WORTH: Final = Decimal(5_000)  # USDT at the first level of a market that hardly trades
MOST_LEVELS: Final = 1_000
QUARTERS: Final = 8  # closed 15m bars that say how wild and how busy a market is


@dataclass(frozen=True, slots=True)
class Level:
    price: Price
    qty: Qty


@dataclass(frozen=True, slots=True)
class Temper:
    """How a symbol trades in a quarter hour: half its spread as a fraction, and what the first level holds."""

    half: Decimal
    first: Decimal  # base units per squared fraction of price between levels


@dataclass(frozen=True, slots=True)
class Quote:
    """The market as an order meets it: prices now, and a ladder of levels `gap` apart on both sides."""

    last: Price
    mark: Price
    bid: Price
    ask: Price
    gap: Price
    first: Qty  # at the best level

    def touch(self, action: Action) -> Price:
        """The best price for one who takes."""
        return self.ask if action is Action.BUY else self.bid

    def ladder(self, action: Action) -> Iterator[Level]:
        """Yield what `action` meets when it takes: asks upwards for a buy, bids downwards for a sell."""
        way = self.gap if action is Action.BUY else -self.gap
        for number in range(MOST_LEVELS):
            price = self.touch(action) + number * way
            if price <= ZERO:
                return
            yield Level(Price(price), Qty(self.first * (2 * number + 1)))

    def levels(self, action: Action, count: int) -> Sequence[Level]:
        """The best `count` of the ladder."""
        return tuple(islice(self.ladder(action), count))


@dataclass(frozen=True, slots=True)
class Sides:
    """The levels of both sides of an order book as they were seen, best first; neither is empty."""

    bids: Sequence[Level]
    asks: Sequence[Level]


@dataclass(frozen=True, slots=True)
class SeenQuote(Quote):
    """A quote whose levels were seen instead of modelled: beyond the last of them there is nothing."""

    sides: Sides

    def ladder(self, action: Action) -> Iterator[Level]:
        return iter(self.sides.asks if action is Action.BUY else self.sides.bids)


@runtime_checkable
class ShowsLevels(Protocol):
    """A market with an order book of its own."""

    def sides(self, symbol: Symbol, at: Instant) -> Sides | None:
        """The levels that an order meets at `at`; None when they are not known of that moment."""
        ...


def half_spread(quarters: Sequence[Bar]) -> Decimal:
    """Return half the spread as a fraction of the price, from the closed 15m bars before."""
    return min(MOST, max(LEAST, mean_range(quarters) * OF_RANGE))


def mean_range(quarters: Sequence[Bar]) -> Decimal:
    """Return high less low as a fraction of the close, on average over closed bars; zero without any."""
    ranges = [(bar.high - bar.low) / bar.close for bar in quarters if bar.closed]
    return sum(ranges, ZERO) / len(ranges) if ranges else ZERO


def temper(quarters: Sequence[Bar]) -> Temper:
    """Read a symbol's temper from the closed 15m bars before.

    A quarter hour's volume moves the price by about its range, so n levels at distance d hold volume × (d / range)².
    """
    closed = [bar for bar in quarters if bar.closed]
    reach = mean_range(closed)
    volume = sum((bar.volume for bar in closed), ZERO) / len(closed) if closed else ZERO
    return Temper(half_spread(closed), volume / reach**2 if reach else ZERO)


class Depths:
    """Quotes of a market: one temper per symbol and quarter hour, so that asking is cheap."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._shows = market if isinstance(market, ShowsLevels) else None
        self._instruments = {listed.symbol: listed for listed in market.instruments}
        self._known: dict[Symbol, tuple[int, Temper]] = {}

    def quote(self, symbol: Symbol, last: Price, mark: Price, at: Instant) -> Quote:
        sides = self._shows.sides(symbol, at) if self._shows else None
        return seen_quote(last, mark, sides) if sides else self._modelled(symbol, last, mark, at)

    def _modelled(self, symbol: Symbol, last: Price, mark: Price, at: Instant) -> Quote:
        quarter = at // Timeframe.M15.ms
        known = self._known.get(symbol)
        if known is None or known[0] != quarter:
            begun = Instant(quarter * Timeframe.M15.ms)
            count = QUARTERS + 1
            bars = self._market.bars(symbol, Timeframe.M15.ms, start=None, end=None, limit=count, now=begun)
            known = self._known[symbol] = (quarter, temper(bars))
        return quote(last, mark, known[1], self._instruments[symbol])


def quote(last: Price, mark: Price, temper: Temper, instrument: Instrument) -> Quote:
    """Return bid and ask round `last`, on the tick and at least one tick apart, and the levels behind them."""
    half = last * temper.half
    bid = floor_to(last - half, instrument.tick)
    ask = max(ceil_to(last + half, instrument.tick), bid + instrument.tick)
    gap = max(ceil_to(last * GAP, instrument.tick), instrument.tick)
    usual = max(temper.first * (gap / last) ** 2, LEAST_WORTH / last)
    first = max(floor_to(usual, instrument.qty_step), instrument.min_qty)
    return Quote(last, mark, Price(max(bid, instrument.tick)), Price(ask), Price(gap), Qty(first))


def seen_quote(last: Price, mark: Price, sides: Sides) -> SeenQuote:
    """Return the quote of levels that were seen; its gap is the distance between the best two asks."""
    bid, ask = sides.bids[0], sides.asks[0]
    gap = sides.asks[1].price - ask.price if len(sides.asks) > 1 else ask.price - bid.price
    return SeenQuote(last, mark, bid.price, ask.price, Price(gap), min(bid.qty, ask.qty), sides)
