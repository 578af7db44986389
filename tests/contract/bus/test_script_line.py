"""The one connection of the bus's scripts: whatever happens to it, every answer belongs to its question."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from libs.common.redis_connection import ScriptLine, open_redis

PAUSE_MS = 300


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    redis = open_redis(redis_url)
    yield redis
    await redis.aclose()


async def echo(line: ScriptLine, redis: Redis, word: str) -> bytes:
    answer: bytes = await line.run(redis.register_script("return ARGV[1]"), [], [word])
    return answer


async def test_a_script_that_redis_forgot_is_told_anew(redis: Redis) -> None:
    line = ScriptLine(redis)
    assert await echo(line, redis, "one") == b"one"
    await redis.script_flush()
    assert await echo(line, redis, "two") == b"two"


async def test_a_connection_that_was_cut_is_opened_again(redis: Redis) -> None:
    line = ScriptLine(redis)
    await echo(line, redis, "one")
    assert await redis.client_kill_filter(_type="normal", skipme=True)
    assert await echo(line, redis, "two") == b"two"


async def test_those_who_ask_at_once_are_answered_one_after_the_other(redis: Redis) -> None:
    line = ScriptLine(redis)
    words = [str(number) for number in range(50)]
    assert await asyncio.gather(*(echo(line, redis, word) for word in words)) == [word.encode() for word in words]


async def test_who_stops_waiting_leaves_no_answer_for_the_next(redis: Redis) -> None:
    line = ScriptLine(redis)
    await echo(line, redis, "one")
    await redis.client_pause(PAUSE_MS)
    given_up = asyncio.ensure_future(echo(line, redis, "two"))
    waiting = asyncio.ensure_future(echo(line, redis, "three"))
    await asyncio.sleep(0)  # it is sent, and waits for its answer
    given_up.cancel()
    assert await waiting == b"three"
    assert given_up.cancelled()
    assert await echo(line, redis, "four") == b"four"


async def test_a_script_that_is_under_way_when_the_line_is_closed_is_not_sent_again(redis: Redis) -> None:
    line = ScriptLine(redis)
    await echo(line, redis, "one")
    await redis.client_pause(PAUSE_MS)
    asking = asyncio.ensure_future(echo(line, redis, "late"))
    await asyncio.sleep(0)  # it is sent, and waits for its answer
    line.close()
    await redis.aclose()
    with pytest.raises(RedisConnectionError):
        await asking


async def test_a_redis_that_hangs_is_an_error_of_the_client(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    line = ScriptLine(redis)
    await echo(line, redis, "one")
    monkeypatch.setattr("libs.common.redis_connection.ANSWER_WITHIN_S", 0.05)
    await redis.client_pause(PAUSE_MS)
    with pytest.raises(Exception, match="no answer within") as raised:
        await echo(line, redis, "two")
    assert type(raised.value).__module__ == "redis.exceptions"
    monkeypatch.undo()
    assert await echo(line, redis, "three") == b"three"
