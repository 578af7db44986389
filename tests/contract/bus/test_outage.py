"""A Redis that goes away and comes back: waited for by readers, Transient to writers, nothing lost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from libs.common.bus import StreamLag
from libs.common.bus.redis_streams import RedisBus
from libs.common.clock import SystemClock
from libs.common.errors import Misconfigured, Transient
from libs.common.redis_connection import open_redis
from tests.contract.bus.conftest import QUICK
from tests.support.builders import candle, price, signal
from tests.support.redis import RedisServer
from tests.support.waiting import eventually, take_and_ack


@pytest.fixture
async def server(redis_server: RedisServer) -> AsyncIterator[RedisServer]:
    await redis_server.restart()
    yield redis_server


def connect(url: str, cursors: Path | None = None) -> AbstractAsyncContextManager[RedisBus]:
    return RedisBus.connect(
        url, prefix="ik:", service="executor", instance="executor", cursors=cursors, clock=SystemClock(), limits=QUICK
    )


async def test_a_reader_waits_for_a_redis_that_was_killed_and_loses_nothing(server: RedisServer) -> None:
    async with connect(server.url) as bus:
        deliveries = bus.read(["signal", "candle"])
        await bus.publish(signal(n=0))
        await take_and_ack(bus, deliveries, 1)
        server.kill()
        with pytest.raises(Transient):
            await bus.publish(signal(n=1))
        await server.restart()
        await bus.publish(signal(n=1))
        await bus.publish(candle())
        seen: set[str] = set()

        async def both_came() -> bool:  # and perhaps the first again: its acknowledgement was not synced
            seen.update(delivery.message.id for delivery in await take_and_ack(bus, deliveries, 1))
            return seen >= {signal(n=1).id, candle().id}

        assert await eventually(both_came)


async def test_a_reader_may_start_before_redis_does(redis_server: RedisServer) -> None:
    await redis_server.restart()
    redis_server.stop()
    async with connect(redis_server.url) as bus:
        deliveries = bus.read(["signal"])
        await redis_server.restart()
        await bus.publish(signal())
        assert [d.message.id for d in await take_and_ack(bus, deliveries, 1)] == [signal().id]


async def test_an_acknowledgement_that_redis_did_not_hear_is_sent_again(server: RedisServer) -> None:
    async with connect(server.url) as bus:
        deliveries = bus.read(["signal"])
        await bus.publish(signal())
        delivery = await anext(deliveries)
        server.stop()
        await bus.ack(delivery)
        await server.restart()

        async def nothing_pending() -> bool:
            try:
                return list(await bus.lag(["signal"])) == [StreamLag("signal", waiting=0, pending=0)]
            except Transient:
                return False

        assert await eventually(nothing_pending)


async def test_a_redis_that_lost_everything_is_read_from_its_new_beginning(server: RedisServer, tmp_path: Path) -> None:
    """The cursors of the old Redis may lie beyond all that the new one has."""
    async with connect(server.url, tmp_path / "cursors") as bus:
        deliveries = bus.read(["candle", "price"])
        await bus.publish(candle(n=0), price(last="100"))
        await take_and_ack(bus, deliveries, 2)
        redis = open_redis(server.url)
        await redis.flushall()
        for stream, message in (("candle", candle(n=1)), ("price", price(last="101"))):
            schema, body = message.schema_name, message.model_dump_json()
            await redis.xadd(f"ik:{stream}", {"t": schema, "m": body}, id="5-0")  # a clock that was set back
        await redis.aclose()
        seen = {delivery.message.id for delivery in await take_and_ack(bus, deliveries, 2)}
        assert seen == {candle(n=1).id, price(last="101").id}
        assert bus.cursors() == {"candle": "5-0", "price": "5-0"}


async def test_a_lost_group_is_recreated_where_it_had_finished(server: RedisServer, tmp_path: Path) -> None:
    """peers.md 36: recreated at the end it would lose, at the beginning replay everything."""
    async with connect(server.url, tmp_path / "cursors") as bus:
        deliveries = bus.read(["signal"])
        await bus.publish(signal(n=0), signal(n=1))
        taken = await take_and_ack(bus, deliveries, 2)
        file = tmp_path / "cursors" / "executor.json"

        async def noted() -> bool:
            return file.exists() and taken[-1].id in file.read_text()

        await eventually(noted)
        redis = open_redis(server.url)
        await redis.xgroup_destroy("ik:signal", "executor")
        await redis.aclose()
        await bus.publish(signal(n=2))
        assert [d.message.id for d in await take_and_ack(bus, deliveries, 1)] == [signal(n=2).id]


@pytest.mark.parametrize("url", ["", "http://127.0.0.1:6379"])
async def test_a_url_that_is_none_is_misconfigured(url: str) -> None:
    with pytest.raises(Misconfigured, match=r"redis\.url"):
        async with connect(url):
            pass


async def test_a_stream_that_is_not_in_the_catalogue_is_a_mistake(server: RedisServer) -> None:
    async with connect(server.url) as bus:
        with pytest.raises(ValueError, match="signals"):
            await anext(bus.read(["signals"]))


async def test_who_lost_redis_is_not_current_before_all_is_read_that_was_told_meanwhile(server: RedisServer) -> None:
    """Work may come back before prices do: who judges it by the market's time must know that it stood still."""
    async with connect(server.url) as bus:
        deliveries = bus.read(["candle"])
        await bus.publish(candle(n=0))
        await take_and_ack(bus, deliveries, 1)
        following = asyncio.ensure_future(anext(deliveries))
        assert await eventually(lambda: said(bus.is_current(["candle"])))
        server.kill()
        assert await eventually(lambda: said(not bus.is_current(["candle"])))
        await server.restart()
        await bus.publish(candle(n=1))
        await bus.ack(await following)
        assert not bus.is_current(["candle"])  # it was handed out this moment, and is not asked for more yet
        following = asyncio.ensure_future(anext(deliveries))
        assert await eventually(lambda: said(bus.is_current(["candle"])))
        following.cancel()


async def said(answer: bool) -> bool:
    return answer
