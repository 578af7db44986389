"""One consumer of a service's group on its work streams.

Order of hand-out: what this very instance left pending, what dead consumers left, then what is new.
"""

import contextlib
from collections import deque
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from libs.common.bus import Delivery
from libs.common.bus.dead_letters import DeadLetters
from libs.common.bus.entries import Entry, as_entries, as_entry, in_time, is_after, order_of
from libs.common.bus.limits import BusLimits
from libs.common.bus.outage import Outage
from libs.common.bus.trimming import finished_by_group, forget_idle_consumers, trim_work
from libs.common.clock import Clock
from libs.common.errors import Poison

log = structlog.get_logger()

Id = int | bytes | str | memoryview  # what the client's XCLAIM is typed to take


class WorkReader:
    """Reads `streams` as `consumer` of `group`; `stored` holds where the group had finished, for a lost group."""

    def __init__(
        self,
        redis: Redis,
        streams: Sequence[str],
        *,
        prefix: str,
        group: str,
        consumer: str,
        stored: Mapping[str, str],
        dead: DeadLetters,
        clock: Clock,
        limits: BusLimits,
    ) -> None:
        self._redis, self._streams, self._prefix = redis, tuple(streams), prefix
        self._group, self._consumer = group, consumer
        self._dead, self._clock, self._limits = dead, clock, limits
        self._finished = {stream: stored[stream] for stream in streams if stream in stored}
        self._buffer: deque[Delivery] = deque()
        self._out: set[tuple[str, str]] = set()  # handed out by this reader, not acknowledged
        self._next_claim = 0.0

    def finished(self) -> Mapping[str, str]:
        """Per stream, the id up to which the whole group was done when last looked at."""
        return dict(self._finished)

    async def deliveries(self) -> AsyncGenerator[Delivery, None]:
        """Yield for ever what is to be handled next; it stays in the buffer, and kept, until `hand_over`."""
        outage = Outage("work", self._clock)
        joined = False
        while True:
            try:
                if not joined:
                    await self._join()
                    joined = True
                await self._claim_from_the_dead()
                if not self._buffer:
                    await self._read_new()
                outage.over()
            except RedisError as error:
                joined = False
                await outage.wait(error)
            while self._buffer:
                yield self._buffer[0]

    async def hand_over(self, delivery: Delivery) -> bool:
        """The delivery passes from the buffer to its handler; False when somebody else has claimed it meanwhile."""
        if delivery not in self._buffer:
            return False
        self._buffer.remove(delivery)  # before anything is awaited: `look_after` changes the buffer too
        self._out.add((delivery.stream, delivery.id))
        if delivery.deliveries > 1:
            with contextlib.suppress(RedisError):  # an outage costs one count, never the entry
                await self._count(delivery.stream, {delivery.id: delivery.deliveries})
        return True

    def settle(self, stream: str, entry_id: str) -> None:
        """The entry is acknowledged or dead: it is not in hand any more."""
        self._out.discard((stream, entry_id))

    async def ack(self, stream: str, entry_id: str) -> None:
        self.settle(stream, entry_id)
        await self._redis.xack(self._prefix + stream, self._group, entry_id)

    async def keep(self, stream: str, *ids: str) -> frozenset[str]:
        """Reset the idle time of those entries that are still ours; return them.

        Looks before it claims: XCLAIM alone would take an entry back from whoever has it now.
        """
        ours: list[Id] = list(await self._pending_of_ours(stream, ids))
        if ours:
            await self._redis.xclaim(self._prefix + stream, self._group, self._consumer, 0, ours, justid=True)
        return frozenset(map(str, ours))

    async def look_after(self) -> None:
        """Keep what waits in the buffer, note what the group has finished, strike off the dead, trim."""
        for stream in self._streams:
            waiting = [delivery.id for delivery in self._buffer if delivery.stream == stream]
            if waiting:
                kept = await self.keep(stream, *waiting)
                self._buffer = deque(d for d in self._buffer if d.stream != stream or d.id in kept)
            key = self._prefix + stream
            done = (await finished_by_group(self._redis, key)).get(self._group)
            if done is not None:
                self._finished[stream] = done
                await forget_idle_consumers(self._redis, key, self._group, idle_ms=self._limits.forget_consumer_ms)
            await trim_work(self._redis, key, keep=self._limits.stream_length)

    async def _join(self) -> None:
        """Have the group, then take up what this instance was handed before it died or lost its connection."""
        for stream in self._streams:
            await self._create_group(stream)
            known = {d.id for d in self._buffer if d.stream == stream} | {i for s, i in self._out if s == stream}
            lost: list[Id] = [i for i in await self._pending_of_ours(stream) if i not in known]
            if lost:
                key = self._prefix + stream
                rows = await self._redis.xclaim(key, self._group, self._consumer, 0, lost)
                await self._accept(await self._claimed(stream, rows))

    async def _create_group(self, stream: str) -> None:
        """Create the group where it had finished, or at 0 on a stream that is not the one it knew."""
        key = self._prefix + stream
        start = self._finished.get(stream, "0")
        if start != "0":
            exists = await self._redis.exists(key)
            last = (await self._redis.xinfo_stream(key))["last-generated-id"].decode() if exists else "0-0"
            start = "0" if is_after(start, last) else start
        try:
            await self._redis.xgroup_create(key, self._group, start, mkstream=True)
            log.info("group.created", stream=stream, group=self._group, start=start)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    async def _claim_from_the_dead(self) -> None:
        now = self._clock.monotonic_ms()
        if now < self._next_claim:
            return
        self._next_claim = now + self._limits.claim_after_ms / 3
        for stream in self._streams:
            _, claimed, _ = await self._redis.xautoclaim(
                self._prefix + stream,
                self._group,
                self._consumer,
                self._limits.claim_after_ms,
                count=self._limits.work_batch,
            )
            if claimed:
                log.warning("entries.claimed", stream=stream, count=len(claimed))
                await self._accept(await self._claimed(stream, claimed))

    async def _read_new(self) -> None:
        answer = await self._redis.xreadgroup(
            self._group,
            self._consumer,
            {self._prefix + stream: ">" for stream in self._streams},
            count=self._limits.work_batch,
            block=self._limits.block_ms,
        )
        await self._accept(as_entries(self._prefix, answer))

    async def _claimed(self, stream: str, rows: Any) -> list[Entry]:
        """Rows as entries that say the how many-eth delivery theirs will be.

        Redis counts a claim as a delivery. It is taken back here and counted when a handler gets the entry, so that
        a service that dies again and again does not bury what nobody has tried. A row trimmed meanwhile is none.
        """
        counts = await self._pending_of_ours(stream, [entry_id.decode() for entry_id, _ in rows])
        await self._count(stream, {entry_id: count - 1 for entry_id, count in counts.items()})
        return [as_entry(stream, row, counts.get(row[0].decode(), 1)) for row in rows]

    async def _count(self, stream: str, counts: Mapping[str, int]) -> None:
        """Set how often entries of ours were delivered."""
        key = self._prefix + stream
        async with self._redis.pipeline(transaction=False) as pipe:
            for entry_id, count in counts.items():
                one: list[Id] = [entry_id]
                pipe.xclaim(key, self._group, self._consumer, 0, one, retrycount=count, justid=True)
            await pipe.execute()

    async def _pending_of_ours(self, stream: str, ids: Sequence[str] = ()) -> dict[str, int]:
        """Entry id -> how often it was delivered, of those pending with this consumer (all, or among `ids`)."""
        low, high = (min(ids, key=order_of), max(ids, key=order_of)) if ids else ("-", "+")
        rows: list[dict[str, Any]] = await self._redis.xpending_range(
            self._prefix + stream, self._group, low, high, 1_000, self._consumer
        )
        found = {row["message_id"].decode(): int(row["times_delivered"]) for row in rows}
        return {entry_id: count for entry_id, count in found.items() if not ids or entry_id in set(ids)}

    async def _accept(self, entries: Iterable[Entry]) -> None:
        """Buffer what can be read, older entries before newer ones; bury the rest."""
        waiting = {(delivery.stream, delivery.id) for delivery in self._buffer}
        for entry in in_time(entries, self._streams):
            if (entry.stream, entry.id) in waiting:
                continue
            delivery = await self._readable(entry)
            if delivery is not None:
                self._buffer.append(delivery)

    async def _readable(self, entry: Entry) -> Delivery | None:
        if not entry.fields:
            log.error("entry.vanished", stream=entry.stream, entry=entry.id)
            await self._redis.xack(self._prefix + entry.stream, self._group, entry.id)
            return None
        if entry.deliveries > self._limits.deliveries:
            await self._dead.bury(entry, f"delivered {entry.deliveries} times, never handled", group=self._group)
            return None
        try:
            return Delivery(entry.stream, entry.id, entry.message(), entry.deliveries)
        except Poison as error:
            await self._dead.bury(entry, str(error), group=self._group)
            return None
