import asyncio

from libs.common.clock import VirtualClock
from libs.common.errors import Transient
from libs.common.locks.held import Moment, RenewedHold
from libs.common.units import Instant


class SuspendedClock(VirtualClock):
    """A machine that was suspended: its monotonic clock stood still meanwhile."""

    def monotonic_ms(self) -> float:
        return 0.0


def held_on(clock: VirtualClock) -> RenewedHold:
    return RenewedHold(clock=clock, asked=Moment.now(clock), length_ms=5_000)


def test_what_remains_is_counted_from_before_the_question() -> None:
    clock = VirtualClock(Instant(1_000))
    asked = Moment.now(clock)
    clock.advance(2)  # the answer took two seconds
    held = RenewedHold(clock=clock, asked=asked, length_ms=5_000)
    assert (held.verified_at, held.remaining_ms()) == (1_000, 3_000)


def test_a_holder_that_was_paused_past_its_lease_has_nothing_left() -> None:
    clock = VirtualClock()
    held = held_on(clock)
    clock.advance(6)
    assert held.remaining_ms() == 0


def test_a_suspended_machine_is_seen_by_the_other_clock() -> None:
    clock = SuspendedClock()
    held = held_on(clock)
    clock.advance(6)
    assert held.remaining_ms() == 0


async def test_renewal_goes_on_through_a_lost_redis_and_ends_when_the_lock_is_lost() -> None:
    clock = VirtualClock()
    held = held_on(clock)
    answers: list[bool | Transient] = [True, Transient("connection refused"), True, False]

    async def extend() -> bool:
        answer = answers.pop(0)
        if isinstance(answer, Transient):
            raise answer
        return answer

    renewing = asyncio.create_task(held.renew(extend, every_ms=1_500))
    seen = []
    for _ in range(4):
        await asyncio.sleep(0)
        clock.advance(1.5)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        seen.append((held.verified_at, held.remaining_ms()))
    await renewing
    assert seen == [(1_500, 5_000), (1_500, 3_500), (4_500, 5_000), (4_500, 0)]
