import asyncio
from typing import Any

import pytest

from libs.common.clock import SystemClock
from libs.common.units import DAY_MS, HOUR_MS, Instant, Symbol
from services.paper_exchange.adapters.http.door import Door
from services.paper_exchange.adapters.markets.synthetic import USUAL_START, synthetic_market
from services.paper_exchange.core.dialect.shown import kline_row
from services.paper_exchange.core.market.board import Board
from services.paper_exchange.core.market.columns import MONTH_MS, WEEK_MS
from tests.support.shown_market import ShownMarket, get, shown_venue

pytestmark = pytest.mark.anyio
BTC = Symbol("BTCUSDT")
NOW = Instant(USUAL_START + 5 * HOUR_MS + 90_000)
WINDOWS: list[dict[str, int]] = [
    {"limit": 150},
    {"limit": 1_000},
    {"start": USUAL_START - 70 * DAY_MS, "limit": 40},
    {"start": USUAL_START - 70 * DAY_MS + 1, "end": USUAL_START - 9 * DAY_MS, "limit": 1_000},
    {"start": USUAL_START - 2 * DAY_MS, "limit": 100},
    {"end": USUAL_START - 3 * DAY_MS - 1, "limit": 90},
    {"start": USUAL_START + DAY_MS, "limit": 100},
]


@pytest.fixture(scope="module")
def board() -> Board:
    return synthetic_market(seed=7, symbols=2, start=None, end=None)


@pytest.fixture
def venue(board: Board) -> Door:
    return shown_venue(ShownMarket(board, NOW), SystemClock())


async def rows(venue: Door, kind: str, interval: str, window: dict[str, int]) -> Any:
    answer = await get(venue, f"/v5/market/{kind}", category="linear", symbol=BTC, interval=interval, **window)
    return answer["result"]["list"]


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize(("interval", "interval_ms"), [("D", DAY_MS), ("W", WEEK_MS), ("M", MONTH_MS)])
async def test_a_long_window_is_what_the_market_says_at_once(
    board: Board, venue: Door, interval: str, interval_ms: int, window: dict[str, int]
) -> None:
    start, end = (Instant(window[name]) if name in window else None for name in ("start", "end"))
    bars = board.bars(BTC, interval_ms, start=start, end=end, limit=window["limit"], now=NOW)
    assert await rows(venue, "kline", interval, window) == [kline_row(bar) for bar in reversed(bars)]


@pytest.mark.parametrize("window", [{"limit": 100}, {"start": USUAL_START - 6 * DAY_MS, "limit": 120}])
async def test_a_long_window_of_mark_prices_too(board: Board, venue: Door, window: dict[str, int]) -> None:
    start = Instant(window["start"]) if "start" in window else None
    bars = board.marks(BTC, HOUR_MS, start=start, end=None, limit=window["limit"], now=NOW)
    listed = await rows(venue, "mark-price-kline", "60", window)
    assert listed == [kline_row(bar)[:5] for bar in reversed(bars)]


@pytest.mark.parametrize(("kind", "days"), [("kline", 150), ("mark-price-kline", 30)])
async def test_others_get_their_turn_while_a_long_window_is_read(venue: Door, kind: str, days: int) -> None:
    asked = asyncio.ensure_future(rows(venue, kind, "D", {"limit": days}))
    turns = 0
    while not asked.done():
        await asyncio.sleep(0)
        turns += 1
    assert len(await asked) == days
    assert turns >= days // 2
