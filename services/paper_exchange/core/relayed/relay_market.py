"""A market that another venue makes, as far as it was heard: the `Market` of what came in.

1. Its time is the venue's: `horizon` grows with what is heard, and never past a minute whose candle is not closed.
2. What comes too late for its own moment, because that was played, is played next: order is kept, nothing is lost.
3. Levels are true of their own time; a price from before them meets the modelled ladder.
4. Bounded: of trades, candles, ticks and settlements the newest are kept, of archives the ones that are asked for.
"""

from bisect import bisect_right, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final

from libs.common.exchange.market_types import Instrument
from libs.common.units import MINUTE_MS, ZERO, Instant, Price, Qty, Symbol
from services.paper_exchange.core.market.columns import bar_close, bar_open
from services.paper_exchange.core.market.depth import Sides
from services.paper_exchange.core.market.market import Bar, Day, Settlement, Tick, Trade
from services.paper_exchange.core.relayed.archive import Archive, Kind, Series, Stretch, asked
from services.paper_exchange.core.relayed.gap import Missed
from services.paper_exchange.core.relayed.relay_listing import RelayListing
from services.paper_exchange.core.relayed.upstream_frames import (
    CandlesHeard,
    Heard,
    LevelsHeard,
    TickerHeard,
    TradesHeard,
)

BEHIND_MS: Final = 5_000  # market time that may be heard and not played yet, before orders are refused
LEVELS_AHEAD_MS: Final = 1_000  # how much newer levels may be than the price that meets them
PLAYED_KEPT_MS: Final = MINUTE_MS  # ticks that were played are kept so long for who looks back
FRESH_MS: Final = 1_000  # candles of mark and index prices are asked for again when they are older
MOST_TICKS: Final = 500_000
_ITS_OWN: Final = (
    "indexPrice",
    "openInterest",
    "openInterestValue",
    "fundingIntervalHour",
    "fundingCap",
    "basisRate",
    "basis",
)


class RelayedMarket:
    """Mutable; fed by `hear` and `fill`, moved by `release`.

    start: the venue's now when it was opened. horizon: up to where it was played before.
    silence: why nothing is heard at the moment; empty when all is well.
    """

    end: None = None

    def __init__(self, instruments: Iterable[Instrument], *, start: Instant, horizon: Instant) -> None:
        self.listings = {each.symbol: RelayListing(each) for each in sorted(instruments, key=lambda each: each.symbol)}
        self.archive = Archive()
        self.start = start
        self.horizon = horizon
        self.silence = "not connected yet"
        self._played = horizon
        self._ticks: list[Tick] = []  # sorted by time, then symbol

    @property
    def instruments(self) -> Sequence[Instrument]:
        return tuple(listing.instrument for listing in self.listings.values())

    def hear(self, heard: Heard) -> Symbol | None:
        """Take in a frame; return the symbol whose levels have to be asked for again, if there is one."""
        match heard:
            case TradesHeard(_, trades):
                for trade in trades:
                    self._hear_trades(trade.symbol, [trade])
            case TickerHeard(at, symbol) if symbol in self.listings:
                listing = self.listings[symbol]
                if listing.hear_ticker(heard):
                    self._tick(listing, at)
            case LevelsHeard(_, symbol) if symbol in self.listings:
                return None if self.listings[symbol].book.hear(heard) else symbol
            case CandlesHeard(at, symbol, bars) if symbol in self.listings:
                for bar in bars:
                    self.listings[symbol].candles.hear(bar, at)
            case _:
                pass
        return None

    def fill(self, symbol: Symbol, missed: Iterable[Missed], trades: Sequence[Trade], since: Instant) -> None:
        """Take in what happened after `since` while nobody listened, oldest first: ticks of candles, then trades."""
        listing = self.listings[symbol]
        for at, price, mark, volume in missed:
            self._insert(Tick(at, symbol, price, mark, volume))
        listing.hear_trades([trade for trade in trades if trade.at <= since], Instant(0))  # known, or played without it
        self._hear_trades(symbol, [trade for trade in trades if trade.at > since])

    def release(self, until: Instant) -> None:
        """Move the horizon to `until`, or as far as candles are closed."""
        closed = [each.candles.known_to for each in self.listings.values() if not each.silent]
        self.horizon = max(self.horizon, min([until, *(Instant(at + MINUTE_MS - 1) for at in closed)]))

    def unclosed(self, until: Instant) -> list[Symbol]:
        """Symbols of which a minute is over at `until` whose closed candle was not heard."""
        return [symbol for symbol, each in self.listings.items() if each.candles.known_to + MINUTE_MS <= until]

    def without_levels(self) -> list[Symbol]:
        return [symbol for symbol, each in self.listings.items() if each.book.sides() is None and not each.silent]

    def trouble(self, symbol: Symbol) -> str:
        """See Relayed.trouble."""
        listing = self.listings.get(symbol)
        if self.silence or listing is None:
            return self.silence
        if self.horizon - self._played > BEHIND_MS:
            return f"{(self.horizon - self._played) // 1_000} s of market have to be played first"
        return "" if listing.mark and listing.book.sides() else f"no levels of {symbol} yet"

    def figures(self, symbol: Symbol) -> Mapping[str, str]:
        """See Relayed.figures."""
        told = self.listings[symbol].figures
        return {name: told[name] for name in _ITS_OWN if name in told}

    def sides(self, symbol: Symbol, at: Instant) -> Sides | None:
        """See ShowsLevels.sides."""
        book = self.listings[symbol].book
        return book.sides() if book.at <= at + LEVELS_AHEAD_MS else None

    def path(self, after: Instant, until: Instant) -> Sequence[Tick]:
        begin, end = (bisect_right(self._ticks, at, key=_at) for at in (after, until))
        found = self._ticks[begin:end]
        self._played = max(self._played, until)
        del self._ticks[: bisect_right(self._ticks, after - PLAYED_KEPT_MS, key=_at)]
        return found

    def price(self, symbol: Symbol, now: Instant) -> Price | None:
        listing = self.listings.get(symbol)
        if listing is None or now >= listing.last_at:
            return listing.last if listing else None
        return listing.candles.price(now) or listing.last

    def mark(self, symbol: Symbol, now: Instant) -> Price | None:
        listing = self.listings.get(symbol)
        return listing.mark if listing else None

    def bars(
        self, symbol: Symbol, interval_ms: int, *, start: Instant | None, end: Instant | None, limit: int, now: Instant
    ) -> Sequence[Bar]:
        """See Market.bars. Where the venue was asked, it is its answer: see `lacking`; else what was heard."""
        listing = self.listings.get(symbol)
        if listing is None:
            return ()
        stretch = self._asked(listing, interval_ms, start, end, limit, now)
        made = listing.candles.bars(interval_ms, stretch.begin, stretch.end, now)
        kept = self.archive.read(Series(Kind.LAST, symbol, interval_ms), stretch)
        known = {bar.open_at: bar for bar in (*made, *kept) if bar.open_at < now}
        found = [known[open_at] for open_at in sorted(known)]
        return found[:limit] if start is not None else found[-limit:]

    def marks(
        self, symbol: Symbol, interval_ms: int, *, start: Instant | None, end: Instant | None, limit: int, now: Instant
    ) -> Sequence[Bar]:
        """Of what was asked of the venue: see `lacking`."""
        return self.told(Series(Kind.MARK, symbol, interval_ms), start=start, end=end, limit=limit, now=now)

    def premiums(
        self, symbol: Symbol, interval_ms: int, *, start: Instant | None, end: Instant | None, limit: int, now: Instant
    ) -> Sequence[Bar]:
        """Of what was asked of the venue: see `lacking`."""
        return self.told(Series(Kind.PREMIUM, symbol, interval_ms), start=start, end=end, limit=limit, now=now)

    def told(
        self, series: Series, *, start: Instant | None, end: Instant | None, limit: int, now: Instant
    ) -> Sequence[Bar]:
        """Candles of a series as far as they are here: see `lacking`."""
        symbol, interval_ms = series.symbol, series.interval_ms
        listing = self.listings.get(symbol)
        if listing is None or series.kind is Kind.LAST:
            return self.bars(symbol, interval_ms, start=start, end=end, limit=limit, now=now)
        found = self.archive.read(series, self._asked(listing, interval_ms, start, end, limit, now))
        bars = found[:limit] if start is not None else found[-limit:]
        return [replace(bar, closed=bar_close(bar.open_at, interval_ms) <= now) for bar in bars]

    def lacking(
        self,
        series: Series,
        *,
        start: Instant | None,
        end: Instant | None,
        limit: int,
        now: Instant,
    ) -> list[Stretch]:
        """What the venue has to be asked for before candles can be read: see Archive.lacking."""
        listing = self.listings.get(series.symbol)
        if listing is None:
            return []
        stretch = self._asked(listing, series.interval_ms, start, end, limit, now)
        until = Instant(now - FRESH_MS)
        if series.kind is Kind.LAST:
            until = self._own_from(listing, series.interval_ms, now)
        return self.archive.lacking(series, Stretch(stretch.begin, min(stretch.end, until)))

    def remembers(
        self, series: Series, *, start: Instant | None, end: Instant | None, limit: int, now: Instant
    ) -> bool:
        """Whether the candles of a question can be made of what was heard, if the venue cannot be asked."""
        listing = self.listings[series.symbol]
        since = listing.candles.since(series.interval_ms)
        begin = self._asked(listing, series.interval_ms, start, end, limit, now).begin
        return series.kind is Kind.LAST and since is not None and since <= begin

    def trades(self, symbol: Symbol, *, after: Instant | None, now: Instant, limit: int) -> Sequence[Trade]:
        listing = self.listings.get(symbol)
        found: list[Trade] = []
        for trade in reversed(listing.trades.values()) if listing else ():  # few are asked for, of many
            if len(found) == limit or (after is not None and trade.at <= after):
                break
            if trade.at <= now:
                found.append(trade)
        return found[::-1]

    def settlements(self, after: Instant, until: Instant, of: Symbol | None = None) -> Sequence[Settlement]:
        return sorted(
            (
                Settlement(at, symbol, rate)
                for symbol, listing in self.listings.items()
                if of in {None, symbol}
                for at, rate in listing.settlements(after, until)
            ),
            key=lambda settlement: (settlement.at, settlement.symbol),
        )

    def funding_rate(self, symbol: Symbol, now: Instant) -> Decimal:
        return self.listings[symbol].rate

    def next_settlement(self, symbol: Symbol, now: Instant) -> Instant:
        return self.listings[symbol].next_settlement(now)

    def delisting(self, symbol: Symbol) -> Instant | None:
        """Since when nothing is heard of a symbol though others are heard."""
        listing = self.listings[symbol]
        return listing.candles.known_to if listing.silent else None

    def day(self, symbol: Symbol, now: Instant) -> Day | None:
        listing = self.listings.get(symbol)
        return listing.day() if listing else None

    def _hear_trades(self, symbol: Symbol, trades: Sequence[Trade]) -> None:
        listing = self.listings.get(symbol)
        if listing is None:
            return
        for trade in listing.hear_trades(trades, self._played):
            self._insert(Tick(trade.at, symbol, trade.price, listing.mark or trade.price, trade.qty))

    def _tick(self, listing: RelayListing, at: Instant) -> None:
        """The mark moved, or the last price without a trade that we know of."""
        if listing.last is not None and listing.mark is not None:
            self._insert(Tick(at, listing.instrument.symbol, listing.last, listing.mark, Qty(ZERO)))

    def _insert(self, tick: Tick) -> None:
        in_time = tick if tick.at > self._played else replace(tick, at=Instant(self._played + 1))
        insort(self._ticks, in_time, key=_order)
        if len(self._ticks) > MOST_TICKS:
            del self._ticks[: MOST_TICKS // 10]

    def _asked(
        self,
        listing: RelayListing,
        interval_ms: int,
        start: Instant | None,
        end: Instant | None,
        limit: int,
        now: Instant,
    ) -> Stretch:
        """One more than the newest that are asked for: the candle of now may have not begun yet."""
        most = limit if start is not None else limit + 1
        return asked(interval_ms, start=start, end=end, limit=most, now=now, since=listing.instrument.launched)

    def _own_from(self, listing: RelayListing, interval_ms: int, now: Instant) -> Instant:
        """From where on memory has the venue's own candles: all minutes, but of coarser ones only what forms.

        What minutes add up to is the venue's candle but for its rounding.
        """
        since = listing.candles.since(interval_ms)
        return bar_open(now, interval_ms) if interval_ms > MINUTE_MS or since is None else since


def _at(tick: Tick) -> Instant:
    return tick.at


def _order(tick: Tick) -> tuple[Instant, Symbol]:
    return tick.at, tick.symbol
