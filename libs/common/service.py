"""The one loop that every deciding service runs."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import structlog
from structlog.contextvars import bound_contextvars

from libs.common.bus import Bus, Delivery
from libs.common.clock import Clock
from libs.common.contracts.message import Message
from libs.common.errors import Poison, Transient
from libs.common.health import Health
from libs.common.retry import backoff
from libs.common.units import Instant

log = structlog.get_logger()

Keep = Callable[[Sequence[Message]], Awaitable[None]]


class Service(Protocol):
    @property
    def reads(self) -> Sequence[str]: ...

    def decide(self, message: Message, now: Instant) -> Sequence[Message]:
        """Return what follows from `message` at wall time `now`. Raises Poison for what cannot be handled."""
        ...


async def no_keeping(_decisions: Sequence[Message]) -> None:
    """For a service whose decisions need no store of their own."""


async def serve(
    service: Service, *, bus: Bus, clock: Clock, keep: Keep = no_keeping, health: Health | None = None
) -> None:
    """Read, decide, keep, publish, then acknowledge: a crash repeats work, it never loses it.

    A message is decided on once: while Redis is away its consequences wait, they are not decided again.
    """
    report = health or Health("service")
    report.watch(bus, service.reads)
    async for delivery in bus.read(service.reads):
        with bound_contextvars(message=delivery.message.schema_name, trace=delivery.message.trace):
            await handle(service, delivery, bus=bus, clock=clock, keep=keep, health=report)


async def handle(service: Service, delivery: Delivery, *, bus: Bus, clock: Clock, keep: Keep, health: Health) -> None:
    """Take one message to its end: acknowledged with its consequences published, or dead-lettered."""
    schema = delivery.message.schema_name
    began = clock.monotonic_ms()
    try:
        decisions = service.decide(delivery.message, clock.now())
        await keep(decisions)
    except Poison as error:
        reason = str(error)
        await until_done(lambda: bus.dead_letter(delivery, reason), clock=clock)
        health.metrics.dead_lettered(schema)
        log.error("message.dead_lettered", reason=reason)
        return
    await until_done(lambda: bus.publish(*decisions), clock=clock)
    await until_done(lambda: bus.ack(delivery), clock=clock)
    for decision in decisions:
        health.metrics.decided(decision.schema_name)
    health.metrics.handled(schema, (clock.monotonic_ms() - began) / 1_000)
    log.debug("message.handled", decisions=len(decisions), lag_ms=clock.now() - delivery.message.sent)


async def until_done(step: Callable[[], Awaitable[None]], *, clock: Clock) -> None:
    """Repeat `step` with back-off while it is Transient: nothing happened, and it has to."""
    for pause in backoff(first=0.05, ceiling=5.0):
        try:
            await step()
        except Transient as error:
            log.warning("step.postponed", reason=str(error), pause_s=pause)
            await clock.sleep(pause)
        else:
            return
