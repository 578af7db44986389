"""Stages are told to whoever began the work, and to nobody else."""

import asyncio

from libs.common import laps
from libs.common.clock import VirtualClock


async def test_each_stage_begins_where_the_one_before_it_ended() -> None:
    clock, heard = VirtualClock(), []
    with laps.timed(clock, lambda stage, seconds: heard.append((stage, seconds))):
        clock.advance(2)
        laps.ended("lock")
        clock.advance(3)
        laps.ended("send")
    laps.ended("nobody listens any more")
    assert heard == [("lock", 2.0), ("send", 3.0)]


async def test_tasks_side_by_side_hear_only_their_own() -> None:
    clock = VirtualClock()
    heard: dict[str, list[str]] = {"a": [], "b": []}

    async def work(name: str) -> None:
        with laps.timed(clock, lambda stage, _: heard[name].append(stage)):
            await asyncio.sleep(0)
            laps.ended(f"{name}1")
            await asyncio.sleep(0)
            laps.ended(f"{name}2")

    await asyncio.gather(work("a"), work("b"))
    assert heard == {"a": ["a1", "a2"], "b": ["b1", "b2"]}
