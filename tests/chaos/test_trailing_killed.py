"""The real trailing process on a real Redis, killed with SIGKILL under an open position."""

from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import orjson
import pytest
from redis.asyncio import Redis

from libs.common.bus import Bus
from libs.common.bus.redis_streams import RedisBus
from libs.common.clock import SystemClock
from libs.common.redis_connection import open_redis
from libs.common.units import Instant
from tests.support.positions import OPENED_AT, changed, open_position, opened, priced, snapshot
from tests.support.process import ServiceProcess
from tests.support.waiting import eventually


@pytest.fixture
def service(tmp_path: Path, redis_url: str, redis_prefix: str) -> Iterator[ServiceProcess]:
    process = ServiceProcess("trailing", home=tmp_path, redis_url=redis_url, prefix=redis_prefix)
    process.start()
    yield process
    process.kill()


@pytest.fixture
async def executor(redis_url: str, redis_prefix: str) -> AsyncIterator[Bus]:
    connected = RedisBus.connect(
        redis_url, prefix=redis_prefix, service="executor", instance="executor", cursors=None, clock=SystemClock()
    )
    async with connected as bus:
        yield bus


async def stops(redis: Redis, prefix: str) -> list[str]:
    rows = await redis.xrange(f"{prefix}command") or []
    return [orjson.loads(fields[b"m"])["stop"] for _, fields in rows if fields]


async def asked_for(redis: Redis, prefix: str, stop: str) -> bool:
    return stop in await stops(redis, prefix)


async def test_killed_under_an_open_position_it_follows_on_and_never_back(
    redis_url: str, redis_prefix: str, service: ServiceProcess, executor: Bus
) -> None:
    asked = partial(asked_for, open_redis(redis_url), redis_prefix)
    first, moved = open_position(), open_position(stop="107.8", version=2)
    await executor.publish(snapshot(), opened(first), priced(110, at=Instant(OPENED_AT + 1)))
    await eventually(partial(asked, "107.80"))
    await executor.publish(changed(moved, at=Instant(OPENED_AT + 2)))

    service.kill()
    await executor.publish(priced(109, at=Instant(OPENED_AT + 3)))
    service.start()
    await executor.publish(snapshot(moved, at=Instant(OPENED_AT + 4)), priced(120, at=Instant(OPENED_AT + 5)))
    await eventually(partial(asked, "117.60"))

    assert set(await stops(open_redis(redis_url), redis_prefix)) == {"107.80", "117.60"}
    assert service.stop() == 0, service.said()
