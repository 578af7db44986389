"""Lockstep: the market takes its next step only when everybody has handled everything of the last one.

1. Nothing moves while a process is dead or not ready, a message is unread or unacknowledged, or an effect is in
   flight.
2. Whether the system is at rest is a pure judgement over one look; a look is not taken at one instant, so what could
   have moved meanwhile is asked again.
3. Redis is asked first, in one round trip: while it knows of work, the services are left to it.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from redis import RedisError, ResponseError
from redis.asyncio import Redis

from ironkeel.local.looks import Looks
from ironkeel.local.programs import PAPER_EXCHANGE, REDIS, service_of
from ironkeel.local.rest import Json, Rest
from libs.common.bus import BROADCAST_STREAMS, WORK_STREAMS
from libs.common.clock import Clock
from libs.common.errors import Fatal, Transient
from libs.common.units import MINUTE_MS

QUARTER_MS: Final = 15 * MINUTE_MS
LOOK_INTERVAL_S: Final = 0.002
STEP_TIMEOUT_S: Final = 120.0
NOTHING: Final = "0-0"
FETCHER: Final = "fetcher"
EXECUTOR: Final = "executor"


@dataclass(frozen=True, slots=True)
class Group:
    stream: str
    name: str
    delivered: str  # entry id handed out last
    pending: int


@dataclass(frozen=True, slots=True)
class Report:
    """One process's `/health/progress`, or that it gave none."""

    name: str
    answered: bool
    ready: bool = True
    market_ms: int = 0
    in_flight: int = 0
    cursors: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Streams:
    """What Redis knows, at one instant."""

    tops: Mapping[str, str]  # stream -> newest entry id
    groups: tuple[Group, ...]


@dataclass(frozen=True, slots=True)
class Exchange:
    """The exchange's clock, and how many executions it has made, ever."""

    market_ms: int
    ended: bool
    executions: int


@dataclass(frozen=True, slots=True)
class Look:
    exchange: Exchange
    streams: Streams
    reports: tuple[Report, ...]


def next_step(now: int) -> int:
    """Market ms from `now` to the next whole minute; the last one before a quarter of an hour is taken by itself.

    So every order that a price makes is settled before the candles of the boundary close.
    """
    minute = now // MINUTE_MS * MINUTE_MS + MINUTE_MS
    if minute % QUARTER_MS:
        return minute - now
    return max(1, minute - now - 1)


def unrest(look: Look) -> str | None:
    """Why the market must wait; None when everybody is at rest."""
    for report in look.reports:
        if reason := _restless(report, look):
            return f"{report.name} {reason}"
    return backlog(look.streams)


def backlog(streams: Streams) -> str | None:
    """Whose work Redis knows to be unfinished; None when there is none."""
    for group in streams.groups:
        if group.pending or entry(group.delivered) < entry(streams.tops.get(group.stream, NOTHING)):
            return f"{group.name} has {group.stream} to handle"
    return None


def _restless(report: Report, look: Look) -> str | None:
    if not report.answered:
        return "does not answer"
    if not report.ready:
        return "is not ready"
    if report.in_flight:
        return f"has {report.in_flight} in flight"
    for stream, cursor in report.cursors.items():
        if entry(cursor) < entry(look.streams.tops.get(stream, NOTHING)):
            return f"reads {stream}"
    service = service_of(report.name)
    is_idle = report.facts.get("symbols") == 0  # more fetchers than symbols: it hears of no market
    if service == FETCHER and not is_idle and report.market_ms < look.exchange.market_ms:
        return f"has the market up to {report.market_ms}"
    if service == EXECUTOR and report.facts.get("executions", 0) != look.exchange.executions:
        return f"knows {report.facts.get('executions', 0)} of {look.exchange.executions} executions"
    if report.facts.get("outbox", 0):
        return "has events to publish"
    return None


def entry(id_: str) -> tuple[int, int]:
    """A stream entry's id in the order of the stream; one that is none ("" or "$") is the beginning."""
    first, _, second = id_.partition("-")
    return (int(first), int(second or 0)) if first.isdigit() else (0, 0)


@dataclass(slots=True)
class Lockstep:
    """Drives the paper exchange's clock; `waiting` tells the screen what holds the market.

    `redis` must decode its answers.
    """

    rest: Rest
    looks: Looks
    redis: Redis
    prefix: str
    names: Sequence[str]
    clock: Clock
    waiting: str = ""
    ending: bool = False

    async def run(self) -> None:
        """Step until the market's end, for ever if it has none; told to `end`, until everybody is at rest."""
        while not (market := (await self._at_rest()).exchange).ended and not self.ending:
            await self._step(market.market_ms)

    async def _step(self, now: int) -> None:
        """Ask once: an exchange that died in a step has taken it or not, and the next look reads which."""
        order = {"step": next_step(now)}
        answer = await self.rest.post(PAPER_EXCHANGE, "/paper/v1/clock", order, timeout=STEP_TIMEOUT_S)
        if answer and answer[0] >= 400:
            raise Fatal(f"the exchange refuses {order}: {answer[1].get('error', answer[1])}")

    async def _at_rest(self) -> Look:
        """Wait for a look that finds everybody at rest, and is confirmed."""
        while True:
            try:
                look = await self._look()
                if isinstance(look, Look) and await self._confirms(look):
                    self.waiting = ""
                    return look
                self.waiting = look if isinstance(look, str) else ""
            except (Transient, RedisError) as error:
                self.waiting = str(error)
            await self.clock.sleep(LOOK_INTERVAL_S)

    async def _look(self) -> Look | str:
        """Ask in the order in which a step travels, as far as it has come; who is at work if anybody is."""
        if work := backlog(await self._streams()):
            return work
        fetchers = [name for name in self.names if service_of(name) == FETCHER]
        exchange, reports = await self._exchange(), await self._reports(fetchers)
        look = Look(exchange, Streams({}, ()), reports)
        if work := unrest(look):
            return work
        others = [name for name in self.names if name not in (REDIS, PAPER_EXCHANGE, *fetchers)]
        reports += await self._reports(others)
        look = Look(exchange, await self._streams(), reports)
        return unrest(look) or look

    async def _confirms(self, look: Look) -> bool:
        """Whether what could have moved since is where it was.

        While no stream has grown, nobody has anything new to handle; only executor and exchange act on each other
        without a message.
        """
        executors = tuple(report for report in look.reports if service_of(report.name) == EXECUTOR)
        again = await self._reports([report.name for report in executors])
        return again == executors and await self._exchange() == look.exchange and await self._streams() == look.streams

    async def _exchange(self) -> Exchange:
        told = await self.looks.get(PAPER_EXCHANGE, "/paper/v1/clock")
        if not told or "executions" not in told:
            raise Transient("paper_exchange does not answer")
        return Exchange(int(told["market_ms"]), bool(told.get("ended")), int(told["executions"]))

    async def _reports(self, names: Sequence[str]) -> tuple[Report, ...]:
        told = await asyncio.gather(*(self.looks.get(name, "/health/progress") for name in names))
        return tuple(report_of(name, progress) for name, progress in zip(names, told, strict=True))

    async def _streams(self) -> Streams:
        work, every = sorted(WORK_STREAMS), sorted(WORK_STREAMS | BROADCAST_STREAMS)
        async with self.redis.pipeline(transaction=True) as pipe:
            for stream in every:
                pipe.xrevrange(self.prefix + stream, count=1)
            for stream in work:
                pipe.xinfo_groups(self.prefix + stream)
            answers: list[Any] = await pipe.execute(raise_on_error=False)
        tops = {stream: _top(rows) for stream, rows in zip(every, answers, strict=False)}
        groups = [_groups(stream, rows) for stream, rows in zip(work, answers[len(every) :], strict=True)]
        return Streams(tops, tuple(group for found in groups for group in found))


def _top(newest: Any) -> str:
    if isinstance(newest, RedisError):
        raise newest
    return str(newest[0][0]) if newest else NOTHING


def _groups(stream: str, rows: Any) -> Sequence[Group]:
    if isinstance(rows, ResponseError):  # nobody wrote to it yet
        return ()
    if isinstance(rows, RedisError):
        raise rows
    return [Group(stream, row["name"], row["last-delivered-id"], int(row["pending"])) for row in rows]


def report_of(name: str, progress: Json | None) -> Report:
    if not progress:
        return Report(name, answered=False)
    return Report(
        name,
        answered=True,
        ready=bool(progress.get("ready")),
        market_ms=int(progress.get("market_ms") or 0),
        in_flight=int(progress.get("in_flight") or 0),
        cursors=dict(progress.get("cursors") or {}),
        facts=dict(progress.get("facts") or {}),
    )
