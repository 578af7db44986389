import asyncio

import pytest

from libs.common.clock import MarketClock, VirtualClock, iso, parse_iso
from libs.common.units import Instant


async def test_virtual_time_wakes_sleepers_in_the_order_they_are_due() -> None:
    clock = VirtualClock(Instant(1_000))
    woken: list[str] = []

    async def sleeper(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append(name)

    tasks = [asyncio.create_task(sleeper(name, s)) for name, s in (("late", 2), ("early", 1), ("never", 9))]
    await asyncio.sleep(0)
    clock.advance(3)
    await asyncio.gather(*tasks[:2])
    tasks[2].cancel()
    assert (woken, clock.now()) == (["early", "late"], 4_000)


async def test_whoever_sleeps_for_no_time_only_lets_others_have_a_turn() -> None:
    await asyncio.wait_for(VirtualClock().sleep(0), timeout=5)


def test_market_time_never_goes_back() -> None:
    clock = MarketClock()
    assert [clock.observe(Instant(at)) for at in (5, 9, 7)] == [5, 9, 9]
    assert clock.now() == 9


@pytest.mark.parametrize("text", ["2025-09-15T00:15:00Z", "2025-09-15T00:15:00.250Z"])
def test_an_instant_is_written_as_it_is_read(text: str) -> None:
    assert iso(parse_iso(text)) == text


def test_a_date_without_a_zone_is_utc() -> None:
    assert parse_iso("2025-09-15") == parse_iso("2025-09-15T00:00:00+00:00") == 1_757_894_400_000


def test_what_is_no_date_is_an_error() -> None:
    with pytest.raises(ValueError, match="yesterday"):
        parse_iso("yesterday")
