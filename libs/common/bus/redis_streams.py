"""The bus on Redis Streams (7.0 commands only): at least once, in order, through crashes of anybody.

1. An entry is acknowledged only by `ack` or `dead_letter`: a crash repeats work, it never loses it.
2. What cannot be read, or is handed out too often, is moved to `dead` with a reason, and the rest flows.
3. A lost Redis, group, stream or cursor is waited for and healed with back-off.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, Self

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from libs.common.background import beside
from libs.common.bus import BROADCAST_STREAMS, WORK_STREAMS, Appended, Delivery, Following, StreamLag
from libs.common.bus.cursors import CursorFile
from libs.common.bus.dead_letters import DeadLetters
from libs.common.bus.entries import Entry, as_entry, readable
from libs.common.bus.limits import BusLimits
from libs.common.bus.merging import merge
from libs.common.bus.redis_broadcast import BroadcastReader
from libs.common.bus.redis_work import WorkReader
from libs.common.bus.series import SeriesStore
from libs.common.clock import Clock
from libs.common.contracts.market import CandleClosed, ClosedBar
from libs.common.contracts.message import Message
from libs.common.contracts.registry import encode
from libs.common.errors import Transient
from libs.common.redis_connection import Argument, ScriptLine, open_redis
from libs.common.units import Instant, Symbol, Timeframe

log = structlog.get_logger()

# One script instead of a transaction: both are all or nothing, and a script is one command to pack and to answer,
# which is a third of the CPU of 50 messages and less for one. ARGV: of each message its stream's length (0: any),
# schema and body.
_PUBLISH: Final = """
for n = 1, #KEYS do
  local length, schema, body = ARGV[3 * n - 2], ARGV[3 * n - 1], ARGV[3 * n]
  if length == '0' then
    redis.call('XADD', KEYS[n], '*', 't', schema, 'm', body)
  else
    redis.call('XADD', KEYS[n], 'MAXLEN', '~', length, '*', 't', schema, 'm', body)
  end
end
return #KEYS
"""


class RedisBus:
    """One process's bus. Each stream is read by at most one `read` of it at a time."""

    def __init__(
        self,
        redis: Redis,
        *,
        prefix: str,
        service: str,
        instance: str,
        cursors: Path | None,
        clock: Clock,
        limits: BusLimits,
    ) -> None:
        self._redis, self._prefix, self._clock, self._limits = redis, prefix, clock, limits
        self._service, self._instance, self._source = service, instance, f"{service}/{instance}"
        self._file = CursorFile(cursors / f"{instance}.json" if cursors else None)
        self._stored = dict(self._file.load())
        self._dead = DeadLetters(redis, prefix=prefix, source=self._source, clock=clock)
        self._line = ScriptLine(redis)
        self._series = SeriesStore(
            redis,
            self._line,
            prefix=prefix,
            length=limits.series_length,
            stream_length=limits.stream_length,
            dead=self._dead,
        )
        self._publish = redis.register_script(_PUBLISH)
        self._work: dict[str, WorkReader] = {}
        self._broadcast: dict[str, BroadcastReader] = {}
        self._unsent_acks: list[Delivery] = []
        self._reading: list[AsyncGenerator[Delivery, None]] = []

    @classmethod
    @asynccontextmanager
    async def connect(
        cls,
        url: str,
        *,
        prefix: str,
        service: str,
        instance: str,
        cursors: Path | None,
        clock: Clock,
        limits: BusLimits | None = None,
    ) -> AsyncIterator[Self]:
        """Open the bus of one process and look after it until the block is left.

        cursors: folder of this instance's cursor file, `<home>/cursors`; None forgets them.
        A Redis that is down is waited for by `read`, and Transient to everybody else.
        Raises Misconfigured when `url` is none.
        """
        bus = cls(
            open_redis(url),
            prefix=prefix,
            service=service,
            instance=instance,
            cursors=cursors,
            clock=clock,
            limits=limits or BusLimits(),
        )
        try:
            async with beside(bus._keep_house()):
                yield bus
        finally:
            await bus.close()

    async def publish(self, *messages: Message) -> None:
        if not messages:
            return
        sent, keys = self._clock.now(), []
        args: list[Argument] = []
        for message in messages:
            stream = message.stream()
            keys.append(self._prefix + stream)
            length = 0 if stream in WORK_STREAMS else self._limits.stream_length
            args += (length, *encode(message.stamped(sent=sent, source=self._source)))
        try:
            await self._line.run(self._publish, keys, args)
        except RedisError as error:
            raise Transient(f"not published: {error}") from error

    async def read(self, streams: Sequence[str]) -> AsyncGenerator[Delivery, None]:
        unknown = set(streams) - WORK_STREAMS - BROADCAST_STREAMS
        if unknown:
            raise ValueError(f"no such stream: {', '.join(sorted(unknown))}")
        work = [stream for stream in streams if stream in WORK_STREAMS]
        broadcast = [stream for stream in streams if stream in BROADCAST_STREAMS]
        sources: list[AsyncGenerator[Delivery, None]] = []
        if work:
            sources.append(self._work_reader(work).deliveries())
        if broadcast:
            sources.append(self._broadcast_reader(broadcast).deliveries())
        merged = merge(sources)
        self._reading.append(merged)
        async with contextlib.aclosing(merged):
            async for delivery in merged:
                if delivery.stream in BROADCAST_STREAMS or await self._work[delivery.stream].hand_over(delivery):
                    yield delivery

    def is_current(self, streams: Sequence[str]) -> bool:
        readers = [self._broadcast.get(stream) for stream in streams]
        return all(reader is not None and reader.is_current for reader in readers)

    def _work_reader(self, streams: Sequence[str]) -> WorkReader:
        reader = WorkReader(
            self._redis,
            streams,
            prefix=self._prefix,
            group=self._service,
            consumer=self._instance,
            stored=self._stored,
            dead=self._dead,
            clock=self._clock,
            limits=self._limits,
        )
        self._work |= dict.fromkeys(streams, reader)
        return reader

    def _broadcast_reader(self, streams: Sequence[str]) -> BroadcastReader:
        reader = BroadcastReader(
            self._redis,
            streams,
            prefix=self._prefix,
            stored={**self._stored, **self.cursors()},
            dead=self._dead,
            clock=self._clock,
            limits=self._limits,
        )
        self._broadcast |= dict.fromkeys(streams, reader)
        return reader

    async def recent(self, stream: str, newest: int) -> Sequence[Message]:
        try:
            rows: Any = await self._redis.xrevrange(self._prefix + stream, count=newest)
        except RedisError as error:
            raise Transient(f"{stream} not read: {error}") from error
        return readable(as_entry(stream, row) for row in reversed(rows))

    async def ack(self, delivery: Delivery) -> None:
        """Never raises for a lost Redis: the acknowledgement is sent again, or the entry comes again."""
        if delivery.stream in self._broadcast:
            self._broadcast[delivery.stream].ack(delivery.stream, delivery.id)
            return
        try:
            await self._work[delivery.stream].ack(delivery.stream, delivery.id)
        except RedisError:
            self._unsent_acks.append(delivery)

    async def keep(self, delivery: Delivery) -> None:
        if delivery.stream not in self._work:
            return
        try:
            await self._work[delivery.stream].keep(delivery.stream, delivery.id)
        except RedisError as error:
            log.debug("heartbeat.lost", entry=delivery.id, reason=str(error))

    async def dead_letter(self, delivery: Delivery, reason: str) -> None:
        schema, body = encode(delivery.message)
        entry = Entry(delivery.stream, delivery.id, {b"t": schema, b"m": body}, delivery.deliveries)
        is_work = delivery.stream in self._work
        try:
            await self._dead.bury(entry, reason, group=self._service if is_work else None)
        except RedisError as error:
            raise Transient(f"not dead-lettered: {error}") from error
        if is_work:
            self._work[delivery.stream].settle(delivery.stream, delivery.id)
        else:
            await self.ack(delivery)

    async def append_series(self, candle: CandleClosed) -> bool:
        return await self.append_history((candle,)) == 1

    async def append_history(self, candles: Sequence[ClosedBar], *, after: Instant | None = None) -> int | None:
        try:
            return await self._series.append(candles, after)
        except RedisError as error:
            raise Transient(f"not appended: {error}") from error

    async def series_ends(self, keys: Sequence[tuple[Symbol, Timeframe]]) -> Sequence[Instant | None]:
        try:
            return await self._series.ends(keys)
        except RedisError as error:
            raise Transient(f"ends of series not read: {error}") from error

    async def keep_series(self, keys: Sequence[tuple[Symbol, Timeframe]], *, for_s: int | None) -> None:
        try:
            await self._series.keep(keys, for_s)
        except RedisError as error:
            raise Transient(f"the keeping of series not set: {error}") from error

    async def announce(self, *candles: Following) -> Sequence[Appended]:
        try:
            return await self._series.announce(candles, sent=self._clock.now(), source=self._source)
        except RedisError as error:
            raise Transient(f"not announced: {error}") from error

    async def series(
        self,
        symbol: Symbol,
        timeframe: Timeframe,
        *,
        since: Instant = Instant(0),
        newest: int | None = None,
    ) -> Sequence[CandleClosed]:
        try:
            return await self._series.read(symbol, timeframe, since=since, newest=newest)
        except RedisError as error:
            raise Transient(f"series not read: {error}") from error

    async def lag(self, streams: Sequence[str]) -> Sequence[StreamLag]:
        try:
            return [await self._lag_of(stream) for stream in streams if stream in WORK_STREAMS]
        except RedisError as error:
            raise Transient(f"lag not read: {error}") from error

    async def _lag_of(self, stream: str) -> StreamLag:
        key = self._prefix + stream
        groups = await self._redis.xinfo_groups(key) if await self._redis.exists(key) else []
        ours = next((group for group in groups if group["name"].decode() == self._service), None)
        if ours is None:
            return StreamLag(stream, waiting=await self._redis.xlen(key), pending=0)
        waiting = ours.get("lag")
        if waiting is None:  # Redis cannot tell after a deletion in the middle: count
            after = f"({ours['last-delivered-id'].decode()}"
            waiting = len(await self._redis.xrange(key, min=after, count=self._limits.stream_length) or ())
        return StreamLag(stream, waiting=waiting, pending=ours["pending"])

    def cursors(self) -> Mapping[str, str]:
        return {stream: reader.cursors()[stream] for stream, reader in self._broadcast.items()}

    async def close(self) -> None:
        for reader in self._reading:
            with contextlib.suppress(RuntimeError):  # somebody still waits for it: then that one ends it
                await reader.aclose()
        await self._save_cursors()
        self._line.close()
        await self._redis.aclose()

    async def _keep_house(self) -> None:
        while True:
            await self._clock.sleep(self._limits.housekeeping_s)
            await self._save_cursors()
            with contextlib.suppress(RedisError):  # the readers say so, and wait
                await self._send_acks_again()
                for reader in set(self._work.values()):
                    await reader.look_after()

    async def _send_acks_again(self) -> None:
        while self._unsent_acks:
            delivery = self._unsent_acks[0]
            await self._work[delivery.stream].ack(delivery.stream, delivery.id)
            self._unsent_acks.pop(0)

    async def _save_cursors(self) -> None:
        finished = {stream: at for reader in set(self._work.values()) for stream, at in reader.finished().items()}
        try:
            await asyncio.to_thread(self._file.save, {**self._stored, **finished, **self.cursors()})
        except OSError as error:  # an older cursor repeats messages, it loses none
            log.error("cursors.not_saved", reason=str(error))
