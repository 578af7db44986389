"""Streams stay short by count, and no group ever loses what it has not finished (peers.md 35)."""

from dataclasses import replace
from typing import Any

import pytest

from libs.common.bus.entries import order_of
from libs.common.bus.trimming import forget_idle_consumers, trim_work
from libs.common.redis_connection import open_redis
from tests.contract.bus.conftest import QUICK, RedisWorld
from tests.support.builders import candle, signal
from tests.support.waiting import eventually, take, take_and_ack

KEEP = 10


@pytest.fixture
async def key(redis_prefix: str) -> str:
    return f"{redis_prefix}signal"


@pytest.fixture
def redis(redis_url: str) -> Any:
    return open_redis(redis_url)


async def fill(redis: Any, key: str, number: int) -> list[str]:
    return [(await redis.xadd(key, {"t": "x", "m": str(n)})).decode() for n in range(number)]


async def ids(redis: Any, key: str) -> list[str]:
    return [entry_id.decode() for entry_id, _ in await redis.xrange(key)]


async def test_a_stream_that_nobody_reads_is_cut_to_its_count(redis: Any, key: str) -> None:
    written = await fill(redis, key, 30)
    assert await trim_work(redis, key, keep=KEEP) == 20
    assert await ids(redis, key) == written[-KEEP:]


async def test_what_a_group_has_not_been_given_stays(redis: Any, key: str) -> None:
    written = await fill(redis, key, 30)
    await redis.xgroup_create(key, "slow", written[4])
    await redis.xgroup_create(key, "quick", written[29])
    await trim_work(redis, key, keep=KEEP)
    assert (await ids(redis, key))[-25:] == written[5:]


async def test_what_a_group_has_not_acknowledged_stays(redis: Any, key: str) -> None:
    written = await fill(redis, key, 30)
    await redis.xgroup_create(key, "slow", "0")
    await redis.xreadgroup("slow", "one", {key: ">"})
    await redis.xack(key, "slow", *written[:3], *written[4:])
    await trim_work(redis, key, keep=KEEP)
    kept = await ids(redis, key)
    assert written[3] in kept
    assert all(order_of(entry) >= order_of(written[2]) for entry in kept)


async def test_a_stream_within_its_count_is_left_alone(redis: Any, key: str) -> None:
    written = await fill(redis, key, KEEP)
    await redis.xgroup_create(key, "quick", "$")
    assert await trim_work(redis, key, keep=KEEP) == 0
    assert await ids(redis, key) == written


async def test_a_stream_that_is_not_there_is_no_error(redis: Any, key: str) -> None:
    assert await trim_work(redis, key, keep=KEEP) == 0


async def test_a_consumer_that_holds_nothing_and_is_long_silent_is_struck_off(redis: Any, key: str) -> None:
    await fill(redis, key, 1)
    await redis.xgroup_create(key, "group", "0")
    await redis.xreadgroup("group", "holding", {key: ">"})
    await redis.xreadgroup("group", "idle", {key: ">"}, block=1)

    async def only_the_holding_one_is_left() -> bool:
        await forget_idle_consumers(redis, key, "group", idle_ms=5)
        return [consumer["name"] for consumer in await redis.xinfo_consumers(key, "group")] == [b"holding"]

    assert await eventually(only_the_holding_one_is_left)


async def test_a_running_bus_keeps_its_streams_short_and_unread_work_whole(
    redis_url: str, redis_prefix: str, tmp_path: Any
) -> None:
    world = RedisWorld(redis_url, redis_prefix, tmp_path)
    limits = replace(QUICK, stream_length=20, claim_after_ms=60_000)
    bus = await world.bus(limits=limits)
    await bus.publish(*(signal(n=n) for n in range(300)))
    deliveries = bus.read(["signal"])
    [held] = await take(deliveries, 1)
    await take_and_ack(bus, deliveries, 199)
    assert await world.length("signal") == 300  # the first is not acknowledged
    await bus.ack(held)

    async def trimmed() -> bool:
        return await world.length("signal") <= 101  # what was not read, and the last that was

    assert await eventually(trimmed)
    assert await world.length("signal") >= 100
    await bus.publish(*(candle(n=n) for n in range(300)))
    assert await world.length("candle") < 300  # approximate: whole nodes of Redis' tree
    await world.close()
