from collections.abc import Sequence
from typing import Any

import orjson
import pytest

from libs.common.units import HOUR_MS, Instant, Symbol
from services.paper_exchange.adapters.markets.replay import replay_market
from services.paper_exchange.core.dialect.kline_cache import KlineCache
from services.paper_exchange.core.dialect.shown import kline_row
from services.paper_exchange.core.market.board import Board
from services.paper_exchange.core.market.market import Bar
from tests.support.panels import MADE_FIRST, STEP_MS, MadePanel

BTC = Symbol("BTCUSDT")


@pytest.fixture
def board(made_panel: MadePanel) -> Board:
    return replay_market(made_panel.directory, symbols="top:50", start=None, end=None)


def plain_rows(
    board: Board, interval_ms: int, limit: int, now: Instant, start: Instant | None = None
) -> Sequence[bytes]:
    bars = board.bars(BTC, interval_ms, start=start, end=None, limit=limit, now=now)
    return [orjson.dumps(kline_row(bar)) for bar in reversed(bars)]


@pytest.mark.parametrize("interval_ms", [STEP_MS, HOUR_MS])
def test_rows_are_the_same_as_without_a_cache_wherever_now_goes(board: Board, interval_ms: int) -> None:
    cache = KlineCache(board)

    for steps, limit in ((40, 5), (40.5, 5), (41, 5), (41.5, 50), (60, 50), (60, 3), (300, 200), (20, 7), (1, 9)):
        now = Instant(MADE_FIRST + int(steps * STEP_MS))
        rows = cache.rows(BTC, interval_ms, start=None, end=None, limit=limit, now=now)
        assert rows == plain_rows(board, interval_ms, limit, now)


@pytest.mark.parametrize("interval_ms", [STEP_MS, HOUR_MS])
@pytest.mark.parametrize("limit", [1, 5, 1_000])
def test_rows_from_a_start_are_the_same_as_without_a_cache(board: Board, interval_ms: int, limit: int) -> None:
    cache = KlineCache(board)

    for steps in (40, 40.5, 41, 60, 300, 20):
        now = Instant(MADE_FIRST + int(steps * STEP_MS))
        for back in (0, 0.5, 1, 3, 3.25, 20, 500, 2_000, -1, -9):
            start = Instant(now - int(back * STEP_MS))
            rows = cache.rows(BTC, interval_ms, start=start, end=None, limit=limit, now=now)
            assert rows == plain_rows(board, interval_ms, limit, now, start), (steps, back)


def test_who_pages_through_what_is_kept_has_it_read_from_the_market_once(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = Instant(MADE_FIRST + 100 * STEP_MS)
    cache = KlineCache(board)
    cache.rows(BTC, STEP_MS, start=MADE_FIRST, end=None, limit=200, now=now)

    def only_the_forming(symbol: Symbol, interval_ms: int, **window: Any) -> Sequence[Bar]:
        assert window["limit"] == 1
        return from_market(symbol, interval_ms, **window)

    from_market = board.bars
    monkeypatch.setattr(board, "bars", only_the_forming)
    for first in (0, 40, 90):
        start = Instant(MADE_FIRST + first * STEP_MS)
        rows = cache.rows(BTC, STEP_MS, start=start, end=None, limit=50, now=now)
        assert int(orjson.loads(rows[-1])[0]) == start


def test_a_window_with_an_end_is_read_from_the_market(board: Board) -> None:
    end = Instant(MADE_FIRST + STEP_MS)
    rows = KlineCache(board).rows(
        BTC, STEP_MS, start=MADE_FIRST, end=end, limit=5, now=Instant(MADE_FIRST + 9 * STEP_MS)
    )

    assert [int(orjson.loads(row)[0]) for row in rows] == [MADE_FIRST + STEP_MS, MADE_FIRST]


def test_the_series_that_was_asked_for_least_lately_goes_first(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []

    def counting(symbol: Symbol, interval_ms: int, **window: Any) -> Sequence[Bar]:
        if window["limit"] > 1:  # one is the look at the forming candle
            read.append(interval_ms)
        return from_market(symbol, interval_ms, **window)

    from_market, now = board.bars, Instant(MADE_FIRST + 100 * STEP_MS)
    monkeypatch.setattr(board, "bars", counting)
    cache = KlineCache(board, most=30)

    for interval_ms in (STEP_MS, 2 * STEP_MS, STEP_MS, 4 * STEP_MS):
        rows = cache.rows(BTC, interval_ms, start=None, end=None, limit=12, now=now)
        assert len(rows) == 12
        assert len(cache) <= 30
    assert read == [STEP_MS, 2 * STEP_MS, 4 * STEP_MS]

    cache.rows(BTC, STEP_MS, start=None, end=None, limit=12, now=now)
    assert read == [STEP_MS, 2 * STEP_MS, 4 * STEP_MS], "it had been asked for lately"
    cache.rows(BTC, 2 * STEP_MS, start=None, end=None, limit=12, now=now)
    assert read == [STEP_MS, 2 * STEP_MS, 4 * STEP_MS, 2 * STEP_MS]
