"""One instance's own reading of broadcast streams, whole and in order, from its own cursors."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, Final

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from libs.common.bus import Delivery
from libs.common.bus.cursors import Watermark
from libs.common.bus.dead_letters import DeadLetters
from libs.common.bus.entries import START, Entry, as_entries, before, in_time, is_after, newest_per_symbol
from libs.common.bus.limits import BusLimits
from libs.common.bus.outage import Outage
from libs.common.clock import Clock
from libs.common.errors import Poison

log = structlog.get_logger()

CONFLATED: Final = frozenset({"price"})  # a later message of a symbol makes the earlier one worthless


class BroadcastReader:
    """Reads `streams` from `stored` cursors; a conflated stream without a cursor begins at its newest entry."""

    def __init__(
        self,
        redis: Redis,
        streams: Sequence[str],
        *,
        prefix: str,
        stored: Mapping[str, str],
        dead: DeadLetters,
        clock: Clock,
        limits: BusLimits,
    ) -> None:
        self._redis, self._streams, self._prefix = redis, tuple(streams), prefix
        self._dead, self._clock, self._limits = dead, clock, limits
        self._marks = {stream: Watermark(stored.get(stream, START)) for stream in streams}
        self._read_to: dict[str, str] = {}  # what was read, acknowledged or not
        self._unplaced = set(streams)
        self.is_current = False  # see `Bus.is_current`

    def cursors(self) -> Mapping[str, str]:
        return {stream: mark.at for stream, mark in self._marks.items()}

    def ack(self, stream: str, entry_id: str) -> None:
        self._marks[stream].acknowledge(entry_id)

    async def deliveries(self) -> AsyncGenerator[Delivery, None]:
        outage = Outage("broadcast", self._clock)
        while True:
            try:
                await self._place()
                batch = await self._next_batch()
                outage.over()
            except RedisError as error:
                self._unplaced, self.is_current = set(self._streams), False
                await outage.wait(error)
                continue
            for delivery in batch:
                yield delivery
            self.is_current = True

    async def _place(self) -> None:
        """See that every cursor lies on the stream that is there now: after a FLUSHALL it may lie beyond it."""
        for stream in sorted(self._unplaced):
            last = await self._last_id(stream)
            at = self._read_to.get(stream, self._marks[stream].at)
            if is_after(at, last):
                log.warning("cursor.reset", stream=stream, cursor=at, last=last)
                at = START
            if at == START and stream in CONFLATED and last != START:
                at = before(last)
            if at != self._read_to.get(stream):
                self._read_to[stream] = at
                self._marks[stream] = Watermark(at)
            self._unplaced.discard(stream)

    async def _last_id(self, stream: str) -> str:
        key = self._prefix + stream
        if not await self._redis.exists(key):
            return START
        information: dict[str, Any] = await self._redis.xinfo_stream(key)
        return str(information["last-generated-id"].decode())

    async def _next_batch(self) -> list[Delivery]:
        ahead = dict(self._read_to)
        entries = await self._read(self._streams, ahead, block_ms=self._limits.block_ms)
        if not entries:
            self._unplaced = set(self._streams)  # nothing came: make sure that nothing is what there is
            return []
        for stream in CONFLATED.intersection(self._streams):
            entries += await self._rest_of(stream, entries, ahead)
        readable = await self._readable(in_time(entries, self._streams))
        self._read_to = ahead  # only now: a Redis lost on the way loses no entry
        return self._hand_out(entries, readable)

    async def _read(self, streams: Sequence[str], ahead: dict[str, str], *, block_ms: int | None) -> list[Entry]:
        answer = await self._redis.xread(
            {self._prefix + stream: ahead[stream] for stream in streams},
            count=self._limits.broadcast_batch,
            block=block_ms,
        )
        entries = as_entries(self._prefix, answer)
        ahead.update((entry.stream, entry.id) for entry in entries)
        return entries

    async def _rest_of(self, stream: str, entries: Sequence[Entry], ahead: dict[str, str]) -> list[Entry]:
        """Read on to the end of a stream of which a whole batch came: only its newest will be handed out."""
        fresh = [entry for entry in entries if entry.stream == stream]
        rest: list[Entry] = []
        while len(fresh) == self._limits.broadcast_batch:
            fresh = await self._read((stream,), ahead, block_ms=None)
            rest += fresh
        return rest

    async def _readable(self, entries: Sequence[Entry]) -> list[Delivery]:
        """Decode what can be decoded, bury the rest, and of a conflated stream keep each symbol's newest."""
        readable: list[Delivery] = []
        for entry in entries:
            try:
                readable.append(Delivery(entry.stream, entry.id, entry.message()))
            except Poison as error:
                await self._dead.bury(entry, str(error), group=None)
        newest = {d.id for d in newest_per_symbol(d for d in readable if d.stream in CONFLATED)}
        return [d for d in readable if d.stream not in CONFLATED or d.id in newest]

    def _hand_out(self, entries: Sequence[Entry], readable: list[Delivery]) -> list[Delivery]:
        """Note every entry with its cursor, and those that nobody will be given as done already."""
        given = {(delivery.stream, delivery.id) for delivery in readable}
        for entry in entries:
            self._marks[entry.stream].hand_out(entry.id)
            if (entry.stream, entry.id) not in given:
                self._marks[entry.stream].acknowledge(entry.id)
        return readable
