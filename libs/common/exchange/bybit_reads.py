"""Reads of the venue's lists: every page, every window of seven days, and an error for what is not known.

Shared by both adapters. A failed read is Transient and never an empty list: a missing report is not "flat".
"""

from collections.abc import AsyncIterator, Callable, Iterable
from typing import Final, TypeVar

from libs.common.errors import Refused, Transient
from libs.common.exchange.bybit_client import BybitClient, Row, VenueAnswer
from libs.common.exchange.ccxt_bybit import BaseError
from libs.common.exchange.outcomes import MEANINGS, Meaning
from libs.common.units import DAY_MS, Instant

WINDOW_MS: Final = 7 * DAY_MS - 1  # the longest that one question may span
MOST_PAGES: Final = 1_000
_WRONG: Final = (KeyError, ValueError, ArithmeticError, TypeError)  # what reading an odd row raises
_AGAIN: Final = {Meaning.LATER, Meaning.AMBIGUOUS}

R = TypeVar("R")
T = TypeVar("T")


async def read(client: BybitClient, method: str, params: Row) -> Row:
    """Ask once; raises Transient when nothing is known, Refused when the venue said no."""
    try:
        return await client.ask(method, params)
    except VenueAnswer as answer:
        if MEANINGS.get(answer.code, Meaning.AMBIGUOUS) in _AGAIN:
            raise Transient(f"{method}: {answer.code} {answer.text}") from answer
        raise Refused(f"{method}: {answer.code} {answer.text}", answer.code) from answer
    except BaseError as error:
        raise Transient(f"{method}: {error}") from error


def parsed(parse: Callable[[R], T], row: R) -> T:
    """Parse one row; raises Transient naming what is wrong with it."""
    try:
        return parse(row)
    except _WRONG as error:
        raise Transient(f"unreadable row: {error!r} in {str(row)[:300]}") from error


def parsed_each(parse: Callable[[R], T], rows: Iterable[R]) -> list[T]:
    """Parse every row; raises Transient naming the one that cannot be."""
    listed = list(rows)
    try:
        return list(map(parse, listed))
    except _WRONG:
        return [parsed(parse, row) for row in listed]


def parsed_all(parse: Callable[[Row], T | None], listed: Iterable[Row]) -> list[T]:
    """Parse every row, leaving out those that `parse` answers with None."""
    return [value for row in listed if (value := parsed(parse, row)) is not None]


async def pages(client: BybitClient, method: str, params: Row) -> AsyncIterator[list[Row]]:
    """Yield page after page; raises Transient rather than stop at a cursor that leads nowhere."""
    cursor = ""
    for _ in range(MOST_PAGES):
        result = await read(client, method, params | ({"cursor": cursor} if cursor else {}))
        yield result["list"]
        followed, cursor = cursor, result.get("nextPageCursor") or ""
        if not cursor:
            return
        if cursor == followed:
            break
    raise Transient(f"{method}: the pages do not end")


async def every_row(client: BybitClient, method: str, params: Row) -> list[Row]:
    return [row async for page in pages(client, method, params) for row in page]


async def rows_since(client: BybitClient, method: str, params: Row, since: Instant, until: Instant) -> list[Row]:
    """All rows of [since, until], asked in windows of seven days, newest first within each."""
    found: list[Row] = []
    start = since
    while start <= until:
        window = {"startTime": start, "endTime": start + WINDOW_MS}
        found += await every_row(client, method, params | window)
        start = Instant(start + WINDOW_MS + 1)
    return found


async def market_now(client: BybitClient, symbol: str) -> Instant:
    """The moment that the order book shows: in a replay the wall clock does not know the market's time."""
    book = await read(client, "public_get_v5_market_orderbook", {"category": "linear", "symbol": symbol, "limit": 1})
    return Instant(parsed(lambda shown: int(shown["ts"]), book))
