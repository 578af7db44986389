"""What a relayed market has to ask for: its history, what was missed, and what clients want of long ago."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Final, TypeVar

from libs.common.errors import Poison, Refused, Transient
from libs.common.units import DAY_MS, HOUR_MS, MINUTE_MS, Instant, Symbol
from services.paper_exchange.adapters.markets.upstream_rest import UpstreamRest
from services.paper_exchange.adapters.markets.upstream_tasks import together
from services.paper_exchange.core.books.fields import Json
from services.paper_exchange.core.dialect.topics import INTERVALS
from services.paper_exchange.core.market.columns import bar_close, bar_open
from services.paper_exchange.core.market.market import Bar, Trade
from services.paper_exchange.core.relayed import upstream_rows as rows
from services.paper_exchange.core.relayed.archive import MOST_ASKED, Kind, Series, Stretch
from services.paper_exchange.core.relayed.candle_tiers import KEPT
from services.paper_exchange.core.relayed.gap import Leg, Missed, step_for, walk
from services.paper_exchange.core.relayed.relay_listing import MOST_TRADES
from services.paper_exchange.core.relayed.relay_market import RelayedMarket
from services.paper_exchange.core.relayed.upstream_frames import instant

T = TypeVar("T")
AT_ONCE: Final = 8  # symbols that are asked about at the same time
MOST_SETTLEMENTS: Final = 200  # in one answer
_NAMES: Final = {interval_ms: name for name, interval_ms in INTERVALS.items()}


class RelayHistory:
    """Every method raises Transient when the venue cannot be asked or understood now."""

    def __init__(self, market: RelayedMarket, rest: UpstreamRest) -> None:
        self._market = market
        self._rest = rest
        self._series: defaultdict[Series, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._deepening: defaultdict[Symbol, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def now(self) -> Instant:
        """The venue's market time, which its order books tell."""
        symbol = next(iter(self._market.listings))
        return await self._read(lambda result: instant(result["ts"]), "orderbook", symbol=symbol, limit=1)

    async def catch_up(self, since: Instant, until: Instant) -> None:
        """Fill in what happened to every symbol after `since`, its history first; the stream tells of after `until`."""
        await self._each(lambda symbol: self._catch_up(symbol, since, until))

    async def close_minutes(self, symbol: Symbol, now: Instant) -> None:
        """Ask for the minutes of a symbol that are over at the venue's `now` and were not heard."""
        candles = self._market.listings[symbol].candles
        if now - candles.known_to > KEPT[MINUTE_MS] * MINUTE_MS // 2:
            told = await self._load(symbol, MINUTE_MS, now)
        else:
            told = await self._bars(Kind.LAST, symbol, MINUTE_MS, Stretch(candles.known_to, now))
        for bar in told:
            candles.hear(replace(bar, closed=bar.open_at + MINUTE_MS <= now), now)

    async def recall(
        self, series: Series, *, start: Instant | None, end: Instant | None, limit: int, now: Instant
    ) -> None:
        """Ask for the candles of a question that memory cannot answer; the same one is asked once at a time."""
        if series.kind is Kind.LAST and series.interval_ms >= DAY_MS:
            await self.deepen(series.symbol)
        async with self._series[series]:
            for stretch in self._market.lacking(series, start=start, end=end, limit=limit, now=now):
                known_to = self._market.horizon
                bars = await self._bars(series.kind, series.symbol, series.interval_ms, stretch)
                closed = [bar for bar in bars if bar_close(bar.open_at, series.interval_ms) <= known_to]
                self._market.archive.keep(series, stretch, closed if series.kind is Kind.LAST else bars, known_to)

    async def recall_funding(self, symbol: Symbol, after: Instant, until: Instant) -> None:
        """Ask for settlements in (after, until] that memory lacks."""
        listing = self._market.listings[symbol]
        if listing.settled_since is None:
            await self._settle(symbol)
        if listing.settled_since is not None and after < listing.settled_since - 1 and after < until:
            listing.recalled = dict(
                await self._read(
                    rows.settlements,
                    "funding/history",
                    symbol=symbol,
                    startTime=max(0, after + 1),
                    endTime=until,
                    limit=MOST_SETTLEMENTS,
                )
            )

    async def deepen_next(self) -> None:
        """Deepen one more symbol, if there is any."""
        for symbol, listing in self._market.listings.items():
            if not listing.candles.is_deep:
                await self.deepen(symbol)
                return

    async def deepen(self, symbol: Symbol) -> None:
        """Ask for the hours and days that a day, a week and a month are made of while they form."""
        candles = self._market.listings[symbol].candles
        async with self._deepening[symbol]:
            for length in (HOUR_MS, DAY_MS):
                if candles.known_to and not candles.is_deep:
                    await self._load(symbol, length, candles.known_to)

    async def _load(self, symbol: Symbol, length: int, now: Instant) -> Sequence[Bar]:
        """Load a tier up to `now`, and return what was told, the forming candle too."""
        begin = Instant(bar_open(now, length) - (KEPT[length] - 1) * length)
        bars = await self._bars(Kind.LAST, symbol, length, Stretch(begin, now))
        closed = [bar for bar in bars if bar.open_at + length <= now]
        all_there_are = not bars or bars[0].open_at > begin
        self._market.listings[symbol].candles.load(length, closed, all_there_are=all_there_are)
        return bars

    async def _catch_up(self, symbol: Symbol, since: Instant, until: Instant) -> None:
        listing = self._market.listings[symbol]
        seen = listing.candles.forming
        await self.close_minutes(symbol, until)
        trades = await self._trades(symbol)
        told_from = trades[0].at if trades else until
        missed = await self._missed(symbol, since, min(told_from, until), seen) if told_from > since else []
        interval_ms = listing.instrument.funding_interval_ms
        if since // interval_ms != until // interval_ms:
            await self._settle(symbol)
        self._market.fill(symbol, missed, trades, since)

    async def _missed(self, symbol: Symbol, since: Instant, until: Instant, seen: Bar | None) -> list[Missed]:
        """Ticks in (since, until) out of candles."""
        step = step_for(until - since)
        stretch = Stretch(bar_open(since, step), until)
        lasts = await self._bars(Kind.LAST, symbol, step, stretch)
        marks = {bar.open_at: bar for bar in await self._bars(Kind.MARK, symbol, step, stretch)}
        legs = [Leg(bar, marks.get(bar.open_at, bar)) for bar in lasts]
        return list(walk(legs, step, since=since, until=until, seen=seen))

    async def _settle(self, symbol: Symbol) -> None:
        """Ask for a symbol's newest settlements."""
        told = await self._read(rows.settlements, "funding/history", symbol=symbol, limit=MOST_SETTLEMENTS)
        listing = self._market.listings[symbol]
        listing.settle(told)
        listing.settled_since = told[0][0] if len(told) == MOST_SETTLEMENTS else Instant(0)

    async def _trades(self, symbol: Symbol) -> Sequence[Trade]:
        return await self._read(rows.trades, "recent-trade", symbol=symbol, limit=MOST_TRADES)

    async def _bars(self, kind: Kind, symbol: Symbol, interval_ms: int, stretch: Stretch) -> Sequence[Bar]:
        """Candles that open in a stretch of at most MOST_ASKED, oldest first, the forming one included."""
        if stretch.end <= stretch.begin:
            return ()
        return await self._read(
            rows.bars,
            kind.value,
            symbol=symbol,
            interval=_NAMES[interval_ms],
            start=stretch.begin,
            end=stretch.end - 1,
            limit=MOST_ASKED,
        )

    async def _read(self, read: Callable[[Json], T], name: str, **params: str | int) -> T:
        try:
            return rows.reading(read, await self._rest.get(name, **params))
        except (Poison, Refused) as error:
            raise Transient(f"{name} {params.get('symbol')}: {error}") from error

    async def _each(self, ask: Callable[[Symbol], Awaitable[None]]) -> None:
        """Ask about every symbol, a few at a time; the first that fails ends the others."""
        room = asyncio.Semaphore(AT_ONCE)

        async def one(symbol: Symbol) -> None:
            async with room:
                await ask(symbol)

        async with together() as tasks:
            for symbol in self._market.listings:
                tasks.create_task(one(symbol))
