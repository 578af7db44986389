"""What the replay makes of a real panel, where there is one: its coarse bars are those of the coarse files."""

from decimal import Decimal
from typing import Final

import numpy as np
import pyarrow.parquet as pq
import pytest

from libs.common.clock import parse_iso
from libs.common.units import HOUR_MS, MINUTE_MS, Instant, Symbol, Timeframe
from services.paper_exchange.adapters.replay import replay_market
from services.paper_exchange.core.board import Board
from tests.support.panels import real_panel

PANEL: Final = real_panel("binance-perp_2025H2")
SYMBOLS: Final = ("BTCUSDT", "DOGEUSDT", "SUIUSDT")
HALT: Final = parse_iso("2025-08-29T06:20")  # the venue stood still for a quarter of an hour
CRASH: Final = parse_iso("2025-10-10T21:00")

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not PANEL.is_dir(), reason=f"the real panel is not at {PANEL}"),
]


@pytest.fixture(scope="module")
def market() -> Board:
    return replay_market(PANEL, symbols=SYMBOLS, start=None, end=None)


@pytest.mark.parametrize("symbol", SYMBOLS)
@pytest.mark.parametrize("timeframe", [Timeframe.M15, Timeframe.M30, Timeframe.H1])
def test_bars_made_of_the_finest_file_are_those_of_the_coarser_files(
    market: Board, symbol: str, timeframe: Timeframe
) -> None:
    file = pq.read_table(PANEL / f"{symbol}-{timeframe}.parquet").to_pydict()
    count = len(file["ts"])

    bars = market.bars(Symbol(symbol), timeframe.ms, start=None, end=None, limit=count, now=market.end or Instant(0))

    assert [bar.open_at for bar in bars] == file["ts"]
    for name in ("open", "high", "low", "close"):
        assert [getattr(bar, name) for bar in bars] == [Decimal(repr(price)) for price in file[name]]
    assert np.allclose([float(bar.volume) for bar in bars], file["volume"], rtol=1e-9)


def test_a_halted_market_stands_still_and_trades_nothing(market: Board) -> None:
    end = Instant(HALT + 15 * MINUTE_MS)

    bars = market.bars(Symbol("BTCUSDT"), 5 * MINUTE_MS, start=HALT, end=None, limit=3, now=end)
    ticks = [tick for tick in market.path(HALT, end) if tick.symbol == "BTCUSDT"]

    assert {(bar.volume, bar.high - bar.low) for bar in bars} == {(Decimal(0), Decimal(0))}
    assert len({tick.price for tick in ticks}) == 1


def test_the_crash_touches_the_bottom_of_every_wick(market: Board) -> None:
    until = Instant(CRASH + HOUR_MS)
    path = market.path(CRASH, until)

    for symbol in SYMBOLS:
        (bar,) = market.bars(Symbol(symbol), HOUR_MS, start=CRASH, end=None, limit=1, now=until)
        prices = [tick.price for tick in path if tick.symbol == symbol]
        assert (min(prices), max(prices)) == (bar.low, bar.high)
        assert bar.low < bar.open * Decimal("0.97")
