"""The one connection of the bus's scripts: whatever happens to it, every answer belongs to its question.

Scripts take effect in the order in which they were asked for, and none waits for the answers to those before.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from libs.common.redis_connection import ScriptLine, open_redis

PAUSE_MS = 300
LIST = "script-line"
WORDS = [str(number) for number in range(50)]


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    redis = open_redis(redis_url)
    await redis.delete(LIST)
    yield redis
    await redis.aclose()


async def echo(line: ScriptLine, redis: Redis, word: str) -> bytes:
    answer: bytes = await line.run(redis.register_script("return ARGV[1]"), [], [word])
    return answer


async def append(line: ScriptLine, redis: Redis, word: str) -> int:
    length: int = await line.run(redis.register_script("return redis.call('RPUSH', KEYS[1], ARGV[1])"), [LIST], [word])
    return length


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


async def test_those_who_ask_at_once_are_answered_each_with_its_own(redis: Redis) -> None:
    line = ScriptLine(redis)
    assert await asyncio.gather(*(echo(line, redis, word) for word in WORDS)) == [word.encode() for word in WORDS]


async def test_nobody_waits_for_the_answers_to_those_before(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis hears all of them while it is paused, and does them in their order when it goes on."""
    line, sent = ScriptLine(redis), []
    await echo(line, redis, "first")
    assert line._connection is not None
    send = line._connection.send_command

    async def counted(*command: Any) -> None:
        sent.append(command[-1])
        await send(*command)

    monkeypatch.setattr(line._connection, "send_command", counted)
    await redis.client_pause(PAUSE_MS)
    asking = [asyncio.ensure_future(append(line, redis, word)) for word in WORDS]
    for _ in range(10 * len(WORDS)):
        await asyncio.sleep(0)
    assert sent == WORDS
    assert not any(each.done() for each in asking)
    assert await asyncio.gather(*asking) == list(range(1, len(WORDS) + 1))
    assert await redis.lrange(LIST, 0, -1) == [word.encode() for word in WORDS]


async def test_a_connection_that_is_cut_under_many_is_opened_again_and_keeps_their_order(
    redis: Redis, redis_url: str
) -> None:
    line, other = ScriptLine(redis), open_redis(redis_url)
    await echo(line, redis, "first")
    await other.client_pause(PAUSE_MS)
    asking = [asyncio.ensure_future(append(line, redis, word)) for word in WORDS]
    await asyncio.sleep(0)
    assert await other.client_kill_filter(_type="normal", skipme=True)
    await asyncio.gather(*asking)
    words = [word.encode() for word in WORDS]
    told = await redis.lrange(LIST, 0, -1)
    assert told[-len(words) :] == words  # what was done before the cut is done again
    assert told[: -len(words)] == words[: len(told) - len(words)]
    await other.aclose()


async def test_many_scripts_that_redis_forgot_are_told_anew(redis: Redis) -> None:
    line = ScriptLine(redis)
    await echo(line, redis, "first")
    await redis.script_flush()
    assert await asyncio.gather(*(echo(line, redis, word) for word in WORDS)) == [word.encode() for word in WORDS]


async def test_a_script_that_fails_is_the_failure_of_whoever_asked_for_it_alone(redis: Redis) -> None:
    line = ScriptLine(redis)
    wrong = line.run(redis.register_script("return redis.call('NOSUCH')"), [], [])
    asked = await asyncio.gather(echo(line, redis, "a"), wrong, echo(line, redis, "b"), return_exceptions=True)
    assert (asked[0], asked[2]) == (b"a", b"b")
    assert isinstance(asked[1], ResponseError)


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
