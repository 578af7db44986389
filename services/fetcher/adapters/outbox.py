"""What was decided leaves through here, in the order of the decisions, until Redis has it.

Candles that follow each other leave together, and so do prices: what closes in one moment takes one round trip.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Final, Protocol

import structlog

from libs.common.bus import Appended, Bus, Following
from libs.common.clock import Clock
from libs.common.contracts.market import CandleMissing, CandlesLoaded, ClosedBar, PriceMoved
from libs.common.exchange.market_types import Candle
from libs.common.health import Health
from libs.common.units import Instant
from services.fetcher.adapters.pipeline import Pipeline
from services.fetcher.core.catch_up import Effect, End, GivenUp, Loss, Store, Tell
from services.fetcher.core.quarantine import Confirmed, Quarantined

log = structlog.get_logger()

WAITING: Final = 5_000  # messages; while so many wait, nothing is decided and the feed is not read on
TOGETHER: Final = 200  # messages that leave at once: Redis does nothing else meanwhile


@dataclass(frozen=True, slots=True)
class Reached:
    """Everything the feed said up to this market time is out when this is."""

    at: Instant


@dataclass(frozen=True, slots=True)
class Verify:
    """Look whether each of these series is in Redis up to its end: everything up to there is out when this is."""

    ends: Sequence[End]


Item = Effect | PriceMoved | CandlesLoaded | Reached | Verify


def _messages(item: Item) -> int:
    """How many messages an item is: a page of history is a thousand."""
    return len(item.candles) if isinstance(item, Store) else 1


def _complain(what: str, candle: Candle | CandleMissing, why: str) -> None:
    log.error(what, symbol=candle.symbol, timeframe=candle.timeframe, open_at=candle.open_at, why=why)


def _together(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """Candles to be told that follow each other, and prices, at most TOGETHER of them; anything else by itself."""
    for kind, alike in groupby(items, key=type):
        run = list(alike)
        most = TOGETHER if kind in (Tell, PriceMoved) else 1
        yield from (run[begin : begin + most] for begin in range(0, len(run), most))


class Archive(Protocol):
    def note(self, *candles: ClosedBar) -> None:
        """Keep these stored candles of one series for training."""
        ...


class Outbox:
    """`lost` is told of every series that Redis does not have as far as it was given."""

    def __init__(
        self, bus: Bus, *, archive: Archive, health: Health, clock: Clock, lost: Callable[[Loss], None]
    ) -> None:
        self._bus = bus
        self._archive = archive
        self._health = health
        self._lost = lost
        self._items: asyncio.Queue[Item] = asyncio.Queue()  # bounded by `room`
        self._waiting = 0  # messages
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._pipeline = Pipeline(clock)
        self._insist = self._pipeline.insist

    async def room(self) -> None:
        """Wait here before deciding: what was decided must be put without a pause, or another decision overtakes it."""
        await self._has_room.wait()

    def put(self, *items: Item) -> None:
        """Let these out after everything that was put before."""
        for item in items:
            self._items.put_nowait(item)
            self._waiting += _messages(item)
        if self._waiting >= WAITING:
            self._has_room.clear()

    async def flushed(self) -> None:
        """Return when everything that was put before is out."""
        await self._items.join()

    async def run(self) -> None:
        """Let out what is put, for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._pipeline.run())
            while True:
                items = [await self._items.get()]
                while not self._items.empty():
                    items.append(self._items.get_nowait())
                for together in _together(items):
                    await self._let_out(together)

    async def _let_out(self, together: Sequence[Item]) -> None:
        """Candles are let out while those before are still on their way; what is told of them is told after them."""
        match together[0]:
            case Tell():
                tells = [item for item in together if isinstance(item, Tell)]
                following = [Following(tell.candle, tell.after) for tell in tells]
                await self._pipeline.send(lambda: self._bus.announce(*following), partial(self._told, tells))
            case Store(candles=candles, after=after) as store:
                page = partial(self._bus.append_history, candles, after=after)
                await self._pipeline.send(page, partial(self._stored, store))
            case _:
                await self._pipeline.drained()
                await self._say(together)
                self._left(together)

    def _left(self, items: Sequence[Item]) -> None:
        self._waiting -= sum(map(_messages, items))
        if self._waiting < WAITING:
            self._has_room.set()
        for _ in items:
            self._items.task_done()

    async def _say(self, together: Sequence[Item]) -> None:
        match together[0]:
            case PriceMoved():
                prices = [item for item in together if isinstance(item, PriceMoved)]
                await self._insist(lambda: self._bus.publish(*prices))
            case Verify(ends=ends):
                await self._verify(ends)
            case GivenUp(candle=missing):
                _complain("candle.given_up", missing, missing.reason)
                await self._insist(lambda: self._bus.publish(missing))
            case CandlesLoaded() as loaded:
                await self._insist(lambda: self._bus.publish(loaded))
            case Quarantined(candle=bad, fault=fault):
                _complain("candle.quarantined", bad, fault)
            case Confirmed(candle=odd, fault=fault):
                _complain("candle.confirmed", odd, fault)
            case Reached(at=at):
                self._health.market_ms = max(self._health.market_ms, at)

    async def _told(self, tells: Sequence[Tell], became: Sequence[Appended]) -> None:
        broken: list[Tell] = []
        for tell, how in zip(tells, became, strict=True):
            if how is Appended.BROKEN:
                broken.append(tell)
            else:
                self._archive.note(tell.candle)
        if broken:
            ends = await self._insist(lambda: self._bus.series_ends([tell.key for tell in broken]))
            for tell, end in zip(broken, ends, strict=True):
                told = Instant(tell.candle.open_at - tell.candle.timeframe.ms)
                self._lose(Loss(tell.key, end, told, tell.taken))
        self._left(tells)

    async def _stored(self, store: Store, new: int | None) -> None:
        if new is not None:
            self._archive.note(*store.candles)
        else:
            [end] = await self._insist(lambda: self._bus.series_ends([store.key]))
            self._lose(Loss(store.key, end, None, store.taken))
        self._left([store])

    async def _verify(self, ends: Sequence[End]) -> None:
        found = await self._insist(lambda: self._bus.series_ends([due.key for due in ends]))
        for due, end in zip(ends, found, strict=True):
            if end is None or end < due.at:
                self._lose(Loss(due.key, end, due.at, due.taken))

    def _lose(self, loss: Loss) -> None:
        log.warning("series.lost", symbol=loss.key[0], timeframe=loss.key[1], ends_at=loss.end)
        self._lost(loss)
