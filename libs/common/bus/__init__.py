"""The port between services: streams of messages, delivered at least once.

A *work* stream has one consumer group per service: each message goes to one replica, stays pending until it is
acknowledged, and is claimed back from the dead. A *broadcast* stream is read whole by every instance from its own
cursor, which moves when a delivery is acknowledged. A *series* is one candle stream per symbol and timeframe,
appended strictly in order.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

from libs.common.contracts.market import CandleClosed, ClosedBar
from libs.common.contracts.message import Message
from libs.common.units import Instant, Symbol, Timeframe

WORK_STREAMS: Final = frozenset({"signal", "command", "trade", "lesson"})
BROADCAST_STREAMS: Final = frozenset({"candle", "price", "order", "position", "postmortem", "recovery"})


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message on its way: `id` is the stream entry's, `deliveries` counts how often it was handed out."""

    stream: str  # without prefix: "signal"
    id: str
    message: Message
    deliveries: int = 1


class Appended(StrEnum):
    """What became of a candle that was to follow another one."""

    NEW = "new"
    THERE = "there"  # it, or a later one, is in the series already
    BROKEN = "broken"  # the series does not end with the candle before it


class Following(NamedTuple):
    """A candle to be announced. `after`: when the candle opened that its series ends with; None: it is empty."""

    candle: ClosedBar
    after: Instant | None


@dataclass(frozen=True, slots=True)
class StreamLag:
    """How far one service is behind on one work stream."""

    stream: str
    waiting: int  # never delivered
    pending: int  # delivered, not acknowledged


class Bus(Protocol):
    async def publish(self, *messages: Message) -> None:
        """Append each message to its stream, in order; returns when Redis has them all.

        Raises Transient when Redis cannot be reached: the caller still owns the messages.
        """
        ...

    def read(self, streams: Sequence[str]) -> AsyncGenerator[Delivery, None]:
        """Yield deliveries for ever, oldest first; pending work of this consumer and of dead ones first.

        Which streams are work and which are broadcast is fixed in WORK_STREAMS and BROADCAST_STREAMS.
        A broadcast `price` reader that is behind is given only the newest price of each symbol.
        Unreadable entries go to `dead` by themselves. A lost Redis is waited for, never raised.
        """
        ...

    def is_current(self, streams: Sequence[str]) -> bool:
        """Whether all that was known of these broadcast streams is handed out: not before a first look at them, and
        not from the moment on in which Redis was lost until its readers have caught up, each by itself.
        """
        ...

    async def recent(self, stream: str, newest: int) -> Sequence[Message]:
        """The newest readable messages of a broadcast stream, oldest first, whatever any cursor says."""
        ...

    async def ack(self, delivery: Delivery) -> None:
        """The effect is durable: forget the work entry, or move the broadcast cursor."""
        ...

    async def keep(self, delivery: Delivery) -> None:
        """Heartbeat for long work: nobody may claim the entry yet. Without effect on broadcasts."""
        ...

    async def dead_letter(self, delivery: Delivery, reason: str) -> None:
        """Move an entry that can never be handled to `dead`, with the reason, and acknowledge it."""
        ...

    async def append_series(self, candle: CandleClosed) -> bool:
        """Append to the candle's own series; False if it is there already or a later one is."""
        ...

    async def append_history(self, candles: Sequence[ClosedBar], *, after: Instant | None = None) -> int | None:
        """Append candles of one series in the order given; return how many were new.

        The others are there, or a later one is.
        after: when the candle opened that the series must have reached. If it has not (it was lost), nothing is done
        and the answer is None.
        """
        ...

    async def series_ends(self, keys: Sequence[tuple[Symbol, Timeframe]]) -> Sequence[Instant | None]:
        """When the last stored candle of each series opened; None: the series is empty."""
        ...

    async def keep_series(self, keys: Sequence[tuple[Symbol, Timeframe]], *, for_s: int | None) -> None:
        """Let these series be forgotten after so many wall seconds, or, with None, never. Nothing stored is changed."""
        ...

    async def announce(self, *candles: Following) -> Sequence[Appended]:
        """Append each candle to its own series and publish it on `candle`: both or neither, once, in the order given.

        Where a series does not end as it should, nothing is done for that candle: what became of it tells a repeat
        from a series that was lost.
        """
        ...

    async def series(
        self,
        symbol: Symbol,
        timeframe: Timeframe,
        *,
        since: Instant = Instant(0),
        newest: int | None = None,
    ) -> Sequence[CandleClosed]:
        """Return the stored candles of a series, oldest first: those opened at or after `since`,
        of them the `newest` many. [] when there is none."""
        ...

    async def lag(self, streams: Sequence[str]) -> Sequence[StreamLag]:
        """How far this bus's own group is behind on each work stream."""
        ...

    def cursors(self) -> Mapping[str, str]:
        """Entry id last acknowledged on each broadcast stream that is being read."""
        ...

    async def close(self) -> None: ...
