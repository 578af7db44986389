"""Where the universe stands, in memory and in Redis: the first of two who decide is followed by both."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest
from redis.asyncio import Redis

from libs.common.errors import Transient
from libs.common.units import Symbol
from services.fetcher.adapters.universe_board import NAME, Board, MemoryBoard, RedisBoard
from services.fetcher.core.choice import Choice, Filter, LeftOut

BTC, ETH = Symbol("BTCUSDT"), Symbol("ETHUSDT")
FIRST = Choice("top:2", 7, (BTC, ETH), left_out={Filter.TOO_YOUNG: LeftOut(3, (Symbol("NEWUSDT"),))})
SECOND = Choice("top:2", 8, (BTC,), 2, (ETH,))


@dataclass
class World:
    """`redis` None is memory."""

    redis: Any = None
    prefix: str = ""
    shared: dict[str, bytes] = field(default_factory=dict)

    def board(self) -> Board:
        """The sight of one more process."""
        return RedisBoard(self.redis, prefix=self.prefix) if self.redis else MemoryBoard(self.shared)

    async def write(self, body: bytes | None) -> None:
        if self.redis and body is not None:
            await self.redis.set(self.prefix + NAME, body)
        elif self.redis:
            await self.redis.delete(self.prefix + NAME)
        elif body is not None:
            self.shared[NAME] = body
        else:
            self.shared.clear()


@pytest.fixture(params=["memory", "redis"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    if request.param == "memory":
        yield World()
        return
    async with AsyncExitStack() as stack:
        redis: Any = Redis.from_url(request.getfixturevalue("redis_url"))
        stack.push_async_callback(redis.aclose)
        yield World(redis, request.getfixturevalue("redis_prefix"))


async def test_what_one_settles_the_others_read_to_the_last_field(world: World) -> None:
    assert await world.board().read() is None
    assert await world.board().settle(FIRST) == FIRST
    assert await world.board().read() == FIRST


async def test_of_two_who_decide_at_once_the_first_one_stands_for_both(world: World) -> None:
    one, other = world.board(), world.board()
    await one.settle(FIRST)
    await one.read()
    await other.read()
    late = Choice("top:2", 8, (ETH,))
    assert await one.settle(SECOND) == SECOND
    assert await other.settle(late) == SECOND
    assert await world.board().read() == SECOND


async def test_who_has_read_what_stands_may_replace_it_by_what_is_older(world: World) -> None:
    board = world.board()
    await board.settle(SECOND)
    await board.read()
    assert await board.settle(FIRST) == FIRST  # another world begins anew at an earlier market


async def test_what_was_settled_is_what_was_read(world: World) -> None:
    board = world.board()
    await board.settle(FIRST)
    assert await board.settle(SECOND) == SECOND


async def test_what_redis_has_lost_is_given_back(world: World) -> None:
    board = world.board()
    await board.settle(FIRST)
    await world.write(None)
    assert await board.settle(FIRST) == FIRST


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"terms": "top:2", "turn": 9}'])
async def test_what_cannot_be_read_is_no_choice_and_is_replaced(world: World, body: bytes) -> None:
    await world.write(body)
    board = world.board()
    assert await board.read() is None
    assert await board.settle(FIRST) == FIRST
    assert await world.board().read() == FIRST


async def test_a_redis_that_is_away_is_transient() -> None:
    async with RedisBoard.connect("unix:///nowhere/redis.sock", prefix="ik:") as board:
        with pytest.raises(Transient, match="the universe was not read"):
            await board.read()
        with pytest.raises(Transient, match="the universe was not settled"):
            await board.settle(FIRST)
