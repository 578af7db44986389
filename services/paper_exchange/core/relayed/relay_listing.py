"""One symbol as another venue tells of it: candles, levels, figures, trades and funding.

1. A trade counts once, whether the stream or an answer told of it.
2. Funding settles at the moment and the rate that the venue announced last before it.
"""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Final

from libs.common.exchange.market_types import Instrument
from libs.common.units import Instant, Price, Qty
from services.paper_exchange.core.market.market import Day, Trade
from services.paper_exchange.core.relayed.candle_tiers import CandleTiers
from services.paper_exchange.core.relayed.level_book import LevelBook
from services.paper_exchange.core.relayed.upstream_frames import TickerHeard

MOST_TRADES: Final = 1_000
MOST_SETTLEMENTS: Final = 1_000  # three times what is asked for at once, and a year of those that follow
QUIET_MS: Final = 1_000  # without a trade for so long, the price of a ticker is newer than that of the last trade


class RelayListing:
    """Mutable; `last` is the newest price, `last_at` when it was."""

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.candles = CandleTiers()
        self.book = LevelBook()
        self.figures: dict[str, str] = {}
        self.trades: dict[str, Trade] = {}  # by id, oldest first
        self.last: Price | None = None
        self.last_at = Instant(0)
        self.mark: Price | None = None
        self.silent = False  # its venue closes no candles of it any more
        self.settled_since: Instant | None = None  # from where on all settlements are here
        self.recalled: dict[Instant, Decimal] = {}  # older ones, that were asked for last
        self._settled: dict[Instant, Decimal] = {}

    def hear_trades(self, trades: Sequence[Trade], played: Instant) -> list[Trade]:
        """Take in trades, oldest first, and return those that are new; one before `played` counts as just after it."""
        fresh = []
        for trade in trades:
            if trade.trade_id not in self.trades:
                self.candles.extend(trade)
                fresh.append(trade if trade.at > played else replace(trade, at=Instant(played + 1)))
        for trade in fresh:
            self.trades[trade.trade_id] = trade
        self._note_last(fresh)
        return fresh

    def hear_ticker(self, heard: TickerHeard) -> bool:
        """Take in figures; True when a price moved without a trade: the mark, or a last price that no trade told."""
        before = self.figures
        self.figures = dict(heard.fields) if heard.is_snapshot else {**before, **heard.fields}
        self._announce(before)
        mark, last = self._price("markPrice"), self._price("lastPrice")
        has_moved = self.mark is not None and mark != self.mark
        self.mark = mark
        if last is not None and last != self.last and heard.at - self.last_at > QUIET_MS:
            has_moved = has_moved or self.last is not None
            self.last, self.last_at = last, heard.at
        return has_moved

    def settlements(self, after: Instant, until: Instant) -> list[tuple[Instant, Decimal]]:
        """What settled in (after, until], and what will at the announced rate."""
        known = self.recalled | self._announced(self.figures) | self._settled
        return sorted((at, rate) for at, rate in known.items() if after < at <= until)

    def settle(self, settled: Sequence[tuple[Instant, Decimal]]) -> None:
        """Take in what the venue says has settled."""
        self._settled |= dict(settled)
        for at in sorted(self._settled)[:-MOST_SETTLEMENTS]:
            del self._settled[at]

    @property
    def rate(self) -> Decimal:
        return next(iter(self._announced(self.figures).values()), Decimal(0))

    def next_settlement(self, now: Instant) -> Instant:
        """What is announced; where that is over, the interval says it."""
        interval_ms = self.instrument.funding_interval_ms
        announced = next(iter(self._announced(self.figures)), now)
        return announced if announced > now else Instant((now // interval_ms + 1) * interval_ms)

    def day(self) -> Day | None:
        """The venue's own figures of the last 24 hours; None where it gives none."""
        read = [_number(self.figures.get(name, "")) for name in _DAY]
        open_, hour_open, high, low, volume, turnover = read
        if open_ is None or high is None or low is None or volume is None or turnover is None:
            return None
        hour = open_ if hour_open is None else hour_open
        return Day(Price(open_), Price(hour), Price(high), Price(low), Qty(volume), turnover)

    def _note_last(self, fresh: Sequence[Trade]) -> None:
        if fresh and fresh[0].at < self.last_at:  # an answer tells of what was before the stream
            self.trades = {each.trade_id: each for each in sorted(self.trades.values(), key=lambda each: each.at)}
        newest = next(reversed(self.trades.values()), None)
        if newest is not None and newest.at >= self.last_at:
            self.last, self.last_at = newest.price, newest.at
        while len(self.trades) > MOST_TRADES:
            del self.trades[next(iter(self.trades))]

    def _announce(self, before: dict[str, str]) -> None:
        """Keep what was announced when the announcement moves on to the next settlement."""
        old, new = self._announced(before), self._announced(self.figures)
        if old and new and min(new) > min(old):
            self.settle(list(old.items()))

    def _announced(self, figures: dict[str, str]) -> dict[Instant, Decimal]:
        at, rate = _number(figures.get("nextFundingTime", "")), _number(figures.get("fundingRate", ""))
        return {} if not at or rate is None else {Instant(int(at)): rate}

    def _price(self, name: str) -> Price | None:
        found = _number(self.figures.get(name, ""))
        return None if found is None else Price(found)


_DAY: Final = ("prevPrice24h", "prevPrice1h", "highPrice24h", "lowPrice24h", "volume24h", "turnover24h")


def _number(text: str) -> Decimal | None:
    """None for what the venue left empty, or is no number."""
    try:
        found = Decimal(text)
    except InvalidOperation:
        return None
    return found if found.is_finite() else None
