import asyncio
from collections.abc import Sequence

from libs.common.units import Instant, Symbol
from services.fetcher.adapters.connections import MOST, Connections
from services.fetcher.core.choice import Choice, Listing

NAMES = tuple(Symbol(f"S{n:02}USDT") for n in range(12))


class Hearing:
    """Which symbols each open connection is for."""

    def __init__(self) -> None:
        self.open: list[tuple[Symbol, ...]] = []
        self.connections = Connections(self._hear)

    async def _hear(self, symbols: Sequence[Symbol]) -> None:
        self.open.append(tuple(symbols))
        try:
            await asyncio.Event().wait()
        finally:
            self.open.remove(tuple(symbols))

    async def follows(
        self, gained: Sequence[Symbol], share: Sequence[Symbol], listed: Sequence[Symbol] = NAMES
    ) -> list[tuple[Symbol, ...]]:
        """Follow a change of the share; return what is open after it."""
        listing = Listing(Choice("top:9", 0, tuple(listed)), dict.fromkeys(listed, Instant(0)), {})
        self.connections.follow(self.tasks, gained, NAMES, share, listing)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return sorted(self.open)

    async def __aenter__(self) -> "Hearing":
        self.tasks = await asyncio.TaskGroup().__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.follows([], [])
        assert self.open == []
        await self.tasks.__aexit__(None, None, None)


async def test_what_is_gained_later_cuts_nobody_elses_connection() -> None:
    async with Hearing() as hearing:
        assert await hearing.follows(NAMES[:2], NAMES[:2]) == [NAMES[:2]]
        assert await hearing.follows(NAMES[2:3], NAMES[:3]) == [NAMES[:2], NAMES[2:3]]


async def test_a_connection_of_which_nothing_is_ours_any_more_is_closed() -> None:
    async with Hearing() as hearing:
        await hearing.follows(NAMES[:2], NAMES[:2])
        await hearing.follows(NAMES[2:3], NAMES[:3])
        assert await hearing.follows([], NAMES[1:2]) == [NAMES[:2]]


async def test_a_connection_that_mostly_tells_of_others_symbols_is_opened_anew_for_ours() -> None:
    async with Hearing() as hearing:
        await hearing.follows(NAMES[:8], NAMES[:8])
        assert await hearing.follows([], NAMES[:4]) == [NAMES[:8]], "as many are ours: nobody is cut for so little"
        assert await hearing.follows([], NAMES[:3]) == [NAMES[:3]]


async def test_a_symbol_that_comes_back_is_not_heard_on_two_connections() -> None:
    async with Hearing() as hearing:
        await hearing.follows(NAMES[:3], NAMES[:3])
        await hearing.follows([], NAMES[1:3])
        assert await hearing.follows(NAMES[:1], NAMES[:3]) == [NAMES[:3]]


async def test_a_delisted_symbol_spoils_no_connection_of_others() -> None:
    async with Hearing() as hearing:
        await hearing.follows(NAMES[:3], NAMES[:3])
        assert await hearing.follows([], NAMES[1:3], listed=NAMES[1:]) == [NAMES[1:3]]


async def test_a_symbol_that_is_listed_again_is_heard_again() -> None:
    async with Hearing() as hearing:
        assert await hearing.follows(NAMES[:3], NAMES[:3], listed=NAMES[1:]) == [NAMES[1:3]]
        assert await hearing.follows([], NAMES[:3]) == [NAMES[:1], NAMES[1:3]]


async def test_when_there_are_too_many_they_become_one() -> None:
    async with Hearing() as hearing:
        for n in range(MOST):
            assert len(await hearing.follows(NAMES[n : n + 1], NAMES[: n + 1])) == n + 1
        assert await hearing.follows(NAMES[MOST : MOST + 1], NAMES[: MOST + 1]) == [NAMES[: MOST + 1]]
