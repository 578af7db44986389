"""Lockstep: the market takes its next step only when everybody has handled everything of the last one.

1. Nothing moves while a process is dead, a message is unread or unacknowledged, or an effect is in flight.
2. Whether the system is at rest is a pure judgement over one look; two equal looks in a row are needed, because
   a look is not taken at one instant.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from redis import RedisError, ResponseError
from redis.asyncio import Redis

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
    market_ms: int = 0
    in_flight: int = 0
    cursors: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Look:
    market_ms: int
    ended: bool
    executions: int  # that the exchange has made, ever
    tops: Mapping[str, str]  # stream -> newest entry id
    groups: tuple[Group, ...]
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
    for group in look.groups:
        if group.pending or entry(group.delivered) < entry(look.tops.get(group.stream, NOTHING)):
            return f"{group.name} has {group.stream} to handle"
    return None


def _restless(report: Report, look: Look) -> str | None:
    if not report.answered:
        return "does not answer"
    if report.in_flight:
        return f"has {report.in_flight} in flight"
    for stream, cursor in report.cursors.items():
        if entry(cursor) < entry(look.tops.get(stream, NOTHING)):
            return f"reads {stream}"
    service = service_of(report.name)
    if service == "fetcher" and report.market_ms < look.market_ms:
        return f"has the market up to {report.market_ms}"
    if service == "executor" and report.facts.get("executions", 0) != look.executions:
        return f"knows {report.facts.get('executions', 0)} of {look.executions} executions"
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
    redis: Redis
    prefix: str
    names: Sequence[str]
    clock: Clock
    waiting: str = ""
    ended: bool = False

    async def run(self) -> None:
        """Step until the market's end, for ever if it has none."""
        while not (look := await self._at_rest()).ended:
            await self._step(look.market_ms)
        self.ended = True

    async def _step(self, now: int) -> None:
        """Ask once: an exchange that died in a step has taken it or not, and the next look reads which."""
        order = {"step": next_step(now)}
        answer = await self.rest.post(PAPER_EXCHANGE, "/paper/v1/clock", order, timeout=STEP_TIMEOUT_S)
        if answer and answer[0] >= 400:
            raise Fatal(f"the exchange refuses {order}: {answer[1].get('error', answer[1])}")

    async def _at_rest(self) -> Look:
        """Wait for two equal looks that both find everybody at rest."""
        before: Look | None = None
        while True:
            try:
                look = await self._look()
                self.waiting = unrest(look) or ""
            except (Transient, RedisError) as error:
                look, self.waiting = None, str(error)
            if look and not self.waiting and look == before:
                return look
            before = look if not self.waiting else None
            await self.clock.sleep(LOOK_INTERVAL_S)

    async def _look(self) -> Look:
        names = [name for name in self.names if name not in (REDIS, PAPER_EXCHANGE)]
        exchange, *told = await asyncio.gather(
            self.rest.get(PAPER_EXCHANGE, "/paper/v1/clock"),
            *(self.rest.get(name, "/health/progress") for name in names),
        )
        if not exchange or "executions" not in exchange:
            raise Transient("paper_exchange does not answer")
        return Look(
            market_ms=int(exchange["market_ms"]),
            ended=bool(exchange.get("ended")),
            executions=int(exchange["executions"]),
            tops={stream: await self._top(stream) for stream in sorted(WORK_STREAMS | BROADCAST_STREAMS)},
            groups=tuple([group for stream in sorted(WORK_STREAMS) for group in await self._groups(stream)]),
            reports=tuple(report_of(name, progress) for name, progress in zip(names, told, strict=True)),
        )

    async def _top(self, stream: str) -> str:
        newest = await self.redis.xrevrange(self.prefix + stream, count=1)
        return str(newest[0][0]) if newest else NOTHING

    async def _groups(self, stream: str) -> Sequence[Group]:
        try:
            told: list[dict[str, Any]] = await self.redis.xinfo_groups(self.prefix + stream)
        except ResponseError:  # nobody wrote to it yet
            return []
        return [Group(stream, row["name"], row["last-delivered-id"], int(row["pending"])) for row in told]


def report_of(name: str, progress: Json | None) -> Report:
    if not progress:
        return Report(name, answered=False)
    return Report(
        name,
        answered=True,
        market_ms=int(progress.get("market_ms") or 0),
        in_flight=int(progress.get("in_flight") or 0),
        cursors=dict(progress.get("cursors") or {}),
        facts=dict(progress.get("facts") or {}),
    )
