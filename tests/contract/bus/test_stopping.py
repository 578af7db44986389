"""A reader that is told to stop stops, wherever in its talk with Redis it is."""

import asyncio

import pytest

from libs.common.bus.redis_streams import RedisBus
from libs.common.clock import SystemClock
from libs.common.redis_connection import open_redis
from tests.contract.bus.conftest import QUICK


@pytest.mark.parametrize("turns", range(0, 60, 3))
async def test_a_cancelled_reader_stops_at_once(turns: int, redis_url: str, redis_prefix: str) -> None:
    async with RedisBus.connect(
        redis_url,
        prefix=redis_prefix,
        service="executor",
        instance="executor",
        cursors=None,
        clock=SystemClock(),
        limits=QUICK,
    ) as bus:
        await bus.lag(["signal"])  # a connection is open: what follows need not wait for one
        reading = asyncio.ensure_future(anext(bus.read(["signal", "candle"])))
        for _ in range(turns):
            await asyncio.sleep(0)
        reading.cancel()
        done, _ = await asyncio.wait([reading], timeout=10)
        assert done
        assert reading.cancelled()


async def test_a_redis_that_hangs_is_an_error_of_the_client(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("libs.common.redis_connection.ANSWER_WITHIN_S", 0.05)
    redis = open_redis(redis_url)
    with pytest.raises(Exception, match="no answer within") as raised:
        await redis.blpop(["nobody-writes-here"], timeout=60)
    assert type(raised.value).__module__ == "redis.exceptions"
    await redis.aclose()
