"""The one loop that every deciding service runs."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import structlog
from structlog.contextvars import bound_contextvars

from libs.common.bus import Bus, Delivery
from libs.common.clock import Clock
from libs.common.contracts.message import Message
from libs.common.errors import Poison
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


async def serve(service: Service, *, bus: Bus, clock: Clock, keep: Keep = no_keeping) -> None:
    """Read, decide, keep, publish, then acknowledge: a crash repeats work, it never loses it."""
    async for delivery in bus.read(service.reads):
        with bound_contextvars(message=delivery.message.schema_name, trace=delivery.message.trace):
            await handle(service, delivery, bus=bus, clock=clock, keep=keep)


async def handle(service: Service, delivery: Delivery, *, bus: Bus, clock: Clock, keep: Keep) -> None:
    try:
        decisions = service.decide(delivery.message, clock.now())
        await keep(decisions)
        await bus.publish(*decisions)
        await bus.ack(delivery)
        log.debug("message.handled", decisions=len(decisions))
    except Poison as error:
        await bus.dead_letter(delivery, str(error))
        log.error("message.dead_lettered", reason=str(error))
