"""The bus in memory, with the two habits of a real one: it redelivers, and it dies.

`MemoryServer` stands for Redis: several `MemoryBus` on one server are replicas and services of one system.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from libs.common.bus import BROADCAST_STREAMS, WORK_STREAMS, Appended, Delivery, Following, StreamLag
from libs.common.bus.cursors import Watermark
from libs.common.bus.entries import START, Entry, is_after, newest_per_symbol, order_of, readable
from libs.common.bus.limits import BusLimits
from libs.common.bus.series import announced, body_of, series_name
from libs.common.clock import Clock, VirtualClock
from libs.common.contracts.market import CandleClosed, ClosedBar
from libs.common.contracts.message import Message
from libs.common.contracts.registry import encode
from libs.common.errors import Poison
from libs.common.units import Instant, Symbol, Timeframe

CONFLATED: Final = frozenset({"price"})


class Crash(BaseException):
    """The process is gone: nothing may catch this."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    stream: str
    entry: str
    t: bytes
    m: bytes
    reason: str
    at: Instant


@dataclass(slots=True)
class Pending:
    consumer: str
    since: float  # clock's monotonic ms of the last hand-out or heartbeat
    deliveries: int


@dataclass(slots=True)
class Group:
    delivered: str = START
    pending: dict[str, Pending] = field(default_factory=dict)


@dataclass(slots=True)
class MemoryServer:
    """Streams, groups, series, dead letters and cursors, shared by the buses of a test."""

    streams: dict[str, list[Entry]] = field(default_factory=dict)
    groups: dict[tuple[str, str], Group] = field(default_factory=dict)
    series: dict[str, list[CandleClosed]] = field(default_factory=dict)
    forgets: dict[str, float] = field(default_factory=dict)  # series -> monotonic ms at which it is forgotten
    dead: list[DeadLetter] = field(default_factory=list)
    cursors: dict[str, dict[str, str]] = field(default_factory=dict)  # instance -> stream -> entry id
    written: asyncio.Event = field(default_factory=asyncio.Event)
    _ids: Iterator[int] = field(default_factory=lambda: count(1))

    def add(self, stream: str, schema: bytes, body: bytes) -> str:
        """Append a raw entry, also one that nobody can read; return its id."""
        entry = Entry(stream, f"{next(self._ids)}-0", {b"t": schema, b"m": body})
        self.streams.setdefault(stream, []).append(entry)
        self.written.set()
        return entry.id

    def flush(self) -> None:
        """FLUSHALL: streams, groups and series are gone; cursors are the instances' own files and stay."""
        self.streams.clear()
        self.groups.clear()
        self.series.clear()

    def group(self, stream: str, name: str) -> Group:
        return self.groups.setdefault((stream, name), Group())

    def after(self, stream: str, entry_id: str) -> list[Entry]:
        return [entry for entry in self.streams.get(stream, ()) if is_after(entry.id, entry_id)]

    def entry(self, stream: str, entry_id: str) -> Entry | None:
        return next((entry for entry in self.streams.get(stream, ()) if entry.id == entry_id), None)


class MemoryBus:
    """One process's bus on a `MemoryServer`.

    inbox: messages that are on their streams before the process starts.
    die_after: how many publishes and acknowledgements succeed before the process dies with Crash; None: it lives.
    endless: False ends `read` when there is nothing left, for tests that run a service to the end of its inbox.
    """

    def __init__(
        self,
        *inbox: Message,
        die_after: int | None = None,
        server: MemoryServer | None = None,
        service: str = "test",
        instance: str = "",
        clock: Clock | None = None,
        limits: BusLimits | None = None,
        endless: bool = True,
    ) -> None:
        self.server = server or MemoryServer()
        self.published: list[Message] = []
        self._steps_left = die_after
        self._service, self._instance = service, instance or service
        self._clock: Clock = clock or VirtualClock()
        self._limits = limits or BusLimits()
        self._endless = endless
        self._marks: dict[str, Watermark] = {}
        for message in inbox:
            self.server.add(message.stream(), *encode(message))

    async def publish(self, *messages: Message) -> None:
        if not messages:
            return
        self._step()
        for message in messages:
            stamped = message.stamped(sent=self._clock.now(), source=f"{self._service}/{self._instance}")
            self.server.add(message.stream(), *encode(stamped))
            self.published.append(stamped)

    async def read(self, streams: Sequence[str]) -> AsyncGenerator[Delivery, None]:
        unknown = set(streams) - WORK_STREAMS - BROADCAST_STREAMS
        if unknown:
            raise ValueError(f"no such stream: {', '.join(sorted(unknown))}")
        for stream in streams:
            self._join(stream)
        while True:
            self.server.written.clear()
            batch = [delivery for stream in streams for delivery in self._due(stream)]
            for delivery in sorted(batch, key=lambda delivery: order_of(delivery.id)):
                yield delivery
            if not batch and not self._endless:
                return
            if not batch:
                await self._wait()

    def is_current(self, streams: Sequence[str]) -> bool:
        return all(stream in self._marks for stream in streams)

    async def recent(self, stream: str, newest: int) -> Sequence[Message]:
        return readable(self.server.streams.get(stream, [])[-newest:])

    async def ack(self, delivery: Delivery) -> None:
        self._step()
        self._forget(delivery.stream, delivery.id)

    async def keep(self, delivery: Delivery) -> None:
        if delivery.stream in WORK_STREAMS:
            pending = self.server.group(delivery.stream, self._service).pending.get(delivery.id)
            if pending is not None and pending.consumer == self._instance:
                pending.since = self._clock.monotonic_ms()

    async def dead_letter(self, delivery: Delivery, reason: str) -> None:
        self._step()
        schema, body = encode(delivery.message)
        self._bury(Entry(delivery.stream, delivery.id, {b"t": schema, b"m": body}), reason)

    async def append_series(self, candle: CandleClosed) -> bool:
        return await self.append_history((candle,)) == 1

    async def append_history(self, candles: Sequence[ClosedBar], *, after: Instant | None = None) -> int | None:
        if candles and after is not None:
            end = self._end_of(candles[0].symbol, candles[0].timeframe)
            if end is None or end < after:
                return None
        return sum(self._append(CandleClosed.model_validate_json(body_of(candle))) for candle in candles)

    async def series_ends(self, keys: Sequence[tuple[Symbol, Timeframe]]) -> Sequence[Instant | None]:
        return [self._end_of(*key) for key in keys]

    async def keep_series(self, keys: Sequence[tuple[Symbol, Timeframe]], *, for_s: int | None) -> None:
        for name in (series_name(*key) for key in keys):
            self.server.forgets.pop(name, None)
            if for_s is not None and name in self.server.series:
                self.server.forgets[name] = self._clock.monotonic_ms() + for_s * 1_000

    async def announce(self, *candles: Following) -> Sequence[Appended]:
        self._step()
        return [self._announce(each.candle, each.after) for each in candles]

    def _announce(self, candle: ClosedBar, after: Instant | None) -> Appended:
        last = self._end_of(candle.symbol, candle.timeframe)
        if last is not None and last >= candle.open_at:
            return Appended.THERE
        if last != after:
            return Appended.BROKEN
        body = announced(candle, sent=self._clock.now(), source=f"{self._service}/{self._instance}")
        stamped = CandleClosed.model_validate_json(body)
        self._append(stamped)
        self.server.add(stamped.stream(), *encode(stamped))
        self.published.append(stamped)
        return Appended.NEW

    async def series(
        self, symbol: Symbol, timeframe: Timeframe, *, since: Instant = Instant(0), newest: int | None = None
    ) -> Sequence[CandleClosed]:
        found = [candle for candle in self._stored(series_name(symbol, timeframe)) if candle.open_at >= since]
        return found if newest is None else found[-newest:] if newest else []

    async def lag(self, streams: Sequence[str]) -> Sequence[StreamLag]:
        return [self._lag_of(stream) for stream in streams if stream in WORK_STREAMS]

    def cursors(self) -> Mapping[str, str]:
        return {stream: mark.at for stream, mark in self._marks.items()}

    async def close(self) -> None:
        """Nothing is held."""

    def _step(self) -> None:
        """A publish or an acknowledgement is about to reach the server: die here if it is time."""
        if self._steps_left == 0:
            self._steps_left = None
            raise Crash
        if self._steps_left is not None:
            self._steps_left -= 1

    def _join(self, stream: str) -> None:
        """Take up what this very instance was handed before it died, or its stored cursor."""
        if stream in WORK_STREAMS:
            for pending in self.server.group(stream, self._service).pending.values():
                if pending.consumer == self._instance:
                    pending.since = float("-inf")
        else:
            self._marks[stream] = Watermark(self._stored_cursor(stream))

    def _stored_cursor(self, stream: str) -> str:
        stored = self.server.cursors.get(self._instance, {}).get(stream)
        if stored is not None:
            return stored
        skipped = self.server.streams.get(stream, [])[:-1]
        return skipped[-1].id if stream in CONFLATED and skipped else START

    def _due(self, stream: str) -> list[Delivery]:
        return self._due_work(stream) if stream in WORK_STREAMS else self._due_broadcast(stream)

    def _due_work(self, stream: str) -> list[Delivery]:
        """Hand out the oldest entry that is idle for too long, or else the oldest new one."""
        group = self.server.group(stream, self._service)
        now = self._clock.monotonic_ms()
        idle = [i for i, p in group.pending.items() if now - p.since >= self._limits.claim_after_ms]
        fresh = [entry.id for entry in self.server.after(stream, group.delivered)]
        for entry_id in (idle or fresh)[:1]:
            deliveries = group.pending[entry_id].deliveries + 1 if entry_id in group.pending else 1
            group.pending[entry_id] = Pending(self._instance, now, deliveries)
            group.delivered = max(group.delivered, entry_id, key=order_of)
            entry = self.server.entry(stream, entry_id)
            if entry is None:
                del group.pending[entry_id]
            elif deliveries > self._limits.deliveries:
                self._bury(entry, f"delivered {deliveries} times, never handled")
            else:
                return self._readable([entry], deliveries)
            return self._due_work(stream)
        return []

    def _due_broadcast(self, stream: str) -> list[Delivery]:
        mark = self._marks[stream]
        entries = [e for e in self.server.after(stream, mark.at) if not mark.knows(e.id)]
        for entry in entries:
            mark.hand_out(entry.id)
        readable = self._readable(entries)
        if stream in CONFLATED:
            newest = newest_per_symbol(readable)
            for delivery in readable:
                if delivery not in newest:
                    mark.acknowledge(delivery.id)
            return newest
        return readable

    def _readable(self, entries: Sequence[Entry], deliveries: int = 1) -> list[Delivery]:
        found = []
        for entry in entries:
            try:
                found.append(Delivery(entry.stream, entry.id, entry.message(), deliveries))
            except Poison as error:
                self._bury(entry, str(error))
        return found

    def _bury(self, entry: Entry, reason: str) -> None:
        at = self._clock.now()
        self.server.dead.append(DeadLetter(entry.stream, entry.id, entry.fields[b"t"], entry.fields[b"m"], reason, at))
        self._forget(entry.stream, entry.id)

    def _forget(self, stream: str, entry_id: str) -> None:
        if stream in WORK_STREAMS:
            self.server.group(stream, self._service).pending.pop(entry_id, None)
        else:
            self._marks[stream].acknowledge(entry_id)
            self.server.cursors.setdefault(self._instance, {})[stream] = self._marks[stream].at

    def _stored(self, name: str) -> list[CandleClosed]:
        """The candles of a series, unless its time has run out."""
        end = self.server.forgets.get(name)
        if end is not None and end <= self._clock.monotonic_ms():
            del self.server.forgets[name], self.server.series[name]
        return self.server.series.get(name, [])

    def _end_of(self, symbol: Symbol, timeframe: Timeframe) -> Instant | None:
        stored = self._stored(series_name(symbol, timeframe))
        return stored[-1].open_at if stored else None

    def _append(self, candle: CandleClosed) -> bool:
        name = series_name(candle.symbol, candle.timeframe)
        stored = self.server.series[name] = self._stored(name)
        if stored and stored[-1].open_at >= candle.open_at:
            return False
        stored.append(candle)
        del stored[: -self._limits.series_length]
        return True

    def _lag_of(self, stream: str) -> StreamLag:
        group = self.server.group(stream, self._service)
        return StreamLag(stream, len(self.server.after(stream, group.delivered)), len(group.pending))

    async def _wait(self) -> None:
        """Until something is written, or it is time to look for entries of the dead."""
        waits = (
            asyncio.ensure_future(self.server.written.wait()),
            asyncio.ensure_future(self._clock.sleep(self._limits.claim_after_ms / 3_000)),
        )
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
