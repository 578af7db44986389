import asyncio
from collections.abc import AsyncGenerator

import pytest

from libs.common.bus.merging import merge


async def numbers(start: int, closed: list[int]) -> AsyncGenerator[int, None]:
    try:
        for n in range(start, start + 3):
            yield n
        await asyncio.Event().wait()
    finally:
        closed.append(start)


async def test_each_source_keeps_its_order() -> None:
    closed: list[int] = []
    merged = merge([numbers(0, closed), numbers(10, closed)])
    seen = [await anext(merged) for _ in range(6)]
    await merged.aclose()
    assert [n for n in seen if n < 10] == [0, 1, 2]
    assert [n for n in seen if n >= 10] == [10, 11, 12]
    assert sorted(closed) == [0, 10]


async def test_a_source_that_fails_fails_the_whole() -> None:
    async def broken() -> AsyncGenerator[int, None]:
        raise ZeroDivisionError
        yield 1

    closed: list[int] = []
    with pytest.raises(ZeroDivisionError):
        async for _ in merge([broken(), numbers(0, closed)]):
            pass
    assert closed == [0]
