from collections.abc import Sequence

import pytest

from libs.common.bus.memory import Crash, MemoryBus, MemoryServer
from libs.common.clock import VirtualClock
from libs.common.contracts.commands import StopMove
from libs.common.contracts.message import Message, message_id
from libs.common.contracts.signals import SignalMade
from libs.common.errors import Poison, Transient
from libs.common.health import Health
from libs.common.service import serve
from libs.common.units import Instant, Symbol
from tests.support.builders import signal, stop_move

INBOX = tuple(signal(n=n) for n in range(3))


class Echo:
    """Answers each signal with one command, derived from it; cannot handle symbol BADUSDT."""

    reads = ("signal",)

    def __init__(self) -> None:
        self.decided: list[str] = []

    def decide(self, message: Message, now: Instant) -> Sequence[Message]:
        assert isinstance(message, SignalMade)
        if message.symbol == "BADUSDT":
            raise Poison("no such symbol")
        self.decided.append(message.id)
        return (stop_move(id=message_id(StopMove, message.id), cause=message.id),)


async def test_every_message_is_decided_published_and_acknowledged() -> None:
    bus = MemoryBus(*INBOX, endless=False)
    health = Health("trailing")
    await serve(Echo(), bus=bus, clock=VirtualClock(), health=health)
    assert [message.cause for message in bus.published] == [message.id for message in INBOX]
    assert [(lag.waiting, lag.pending) for lag in await health.lag()] == [(0, 0)]
    assert b'messages_handled_total{schema="signal.made.v1",service="trailing"} 3.0' in health.metrics.text()


async def test_poison_goes_to_the_dead_and_the_rest_flows() -> None:
    bus = MemoryBus(signal(Symbol("BADUSDT")), *INBOX, endless=False)
    await serve(Echo(), bus=bus, clock=VirtualClock())
    assert [letter.reason for letter in bus.server.dead] == ["no such symbol"]
    assert len(bus.published) == len(INBOX)


async def test_decisions_are_kept_before_they_are_published() -> None:
    bus = MemoryBus(INBOX[0], endless=False)
    kept: list[tuple[int, int]] = []

    async def keep(decisions: Sequence[Message]) -> None:
        kept.append((len(decisions), len(bus.published)))

    await serve(Echo(), bus=bus, clock=VirtualClock(), keep=keep)
    assert kept == [(1, 0)]


async def test_a_lost_redis_is_waited_for_without_deciding_again() -> None:
    class Flaky(MemoryBus):
        failures = 3

        async def publish(self, *messages: Message) -> None:
            if self.failures:
                self.failures -= 1
                raise Transient("connection refused")
            await super().publish(*messages)

    class Impatient(VirtualClock):
        async def sleep(self, seconds: float) -> None:
            self.advance(seconds)

    bus, echo = Flaky(INBOX[0], endless=False), Echo()
    await serve(echo, bus=bus, clock=Impatient())
    assert echo.decided == [INBOX[0].id]
    assert len(bus.published) == 1


@pytest.mark.parametrize("step", range(2 * len(INBOX)))
async def test_dying_at_any_step_repeats_work_and_never_loses_it(step: int) -> None:
    bus = MemoryBus(*INBOX, die_after=step, endless=False)
    with pytest.raises(Crash):
        await serve(Echo(), bus=bus, clock=VirtualClock())
    server: MemoryServer = bus.server
    again = MemoryBus(server=server, endless=False)
    await serve(Echo(), bus=again, clock=VirtualClock())
    published = {message.cause for message in (*bus.published, *again.published)}
    assert published == {message.id for message in INBOX}
    assert [(lag.waiting, lag.pending) for lag in await again.lag(["signal"])] == [(0, 0)]
