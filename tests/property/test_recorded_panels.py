"""What the replay makes of real panels, where there are any: its bars are those of the files, whatever drives them."""

from decimal import Decimal
from typing import Final

import pyarrow.parquet as pq
import pytest

from libs.common.clock import parse_iso
from libs.common.units import HOUR_MS, MINUTE_MS, Instant, Symbol, Timeframe
from services.paper_exchange.adapters.markets.replay import replay_market
from services.paper_exchange.core.market.board import Board
from services.paper_exchange.core.market.trail import Beat
from tests.support.panels import real_panel

PANEL: Final = real_panel("binance-perp_2025H2")
SYMBOLS: Final = ("BTCUSDT", "DOGEUSDT", "SUIUSDT")
HALT: Final = parse_iso("2025-08-29T06:20")  # the venue stood still for a quarter of an hour
CRASH: Final = parse_iso("2025-10-10T21:00")

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not PANEL.is_dir(), reason=f"the real panel is not at {PANEL}"),
]


OTHERS: Final = (
    "binance-perp-1h_2020_2023",
    "binance-perp-1m_2025-05_2025-06",
    "binance-perp-1m_2026-01",
    "binance-perp_2026Q1",
    "bybit-perp_2025-04_2025-07",
    "bybit-perp_2025-09_2026-03",
)


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
    assert [float(bar.volume) for bar in bars] == file["volume"]


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("beat", Beat)
def test_every_file_of_a_panel_is_shown_as_it_was_recorded(name: str, beat: Beat) -> None:
    """The last 300 candles of each; what drives them is the finest file of the symbol."""
    folder = real_panel(name)
    if not folder.is_dir():
        pytest.skip(f"the real panel is not at {folder}")
    market = replay_market(folder, symbols="top:50", start=None, end=None, beat=beat)

    for path in sorted(folder.glob("*USDT-*[mh].parquet")):
        symbol, timeframe = path.stem.split("-")
        table = pq.read_table(path)
        file = table.slice(max(0, len(table) - 300)).to_pydict()
        interval = Timeframe(timeframe).ms
        closed = Instant(file["ts"][-1] + interval)
        bars = market.bars(Symbol(symbol), interval, start=None, end=None, limit=len(file["ts"]), now=closed)
        assert [bar.open_at for bar in bars] == file["ts"]
        for column in ("open", "high", "low", "close", "volume"):
            assert [getattr(bar, column) for bar in bars] == [Decimal(repr(value)) for value in file[column]]


@pytest.mark.parametrize("beat", Beat)
def test_minutes_of_a_quarter_are_its_ticks_and_make_the_quarter(beat: Beat) -> None:
    market = replay_market(PANEL, symbols=("DOTUSDT",), start=None, end=None, beat=beat)
    dot, now = Symbol("DOTUSDT"), Instant(CRASH + HOUR_MS)

    minutes = market.bars(dot, MINUTE_MS, start=CRASH, end=None, limit=60, now=now)
    quarters = market.bars(dot, 15 * MINUTE_MS, start=CRASH, end=None, limit=4, now=now)
    trades = market.trades(dot, after=CRASH, now=now, limit=10_000)

    assert len(minutes) == 60
    for number, quarter in enumerate(quarters):
        part = minutes[15 * number : 15 * number + 15]
        assert (part[0].open, part[-1].close) == (quarter.open, quarter.close)
        assert (max(bar.high for bar in part), min(bar.low for bar in part)) == (quarter.high, quarter.low)
        traded_in_it = round(quarter.volume, 1)  # the file's own number has the noise of a sum of floats
        assert sum(bar.volume for bar in part) == traded_in_it
        assert float(sum(bar.turnover for bar in part)) == pytest.approx(float(quarter.turnover), rel=1e-5)
    for bar in minutes:
        traded = [trade for trade in trades if bar.open_at < trade.at < bar.open_at + MINUTE_MS]
        assert sum(trade.qty for trade in traded) == bar.volume
        assert {bar.low <= trade.price <= bar.high for trade in traded} == {True}


def test_a_halted_market_stands_still_and_trades_nothing(market: Board) -> None:
    end = Instant(HALT + 15 * MINUTE_MS)

    bars = market.bars(Symbol("BTCUSDT"), 5 * MINUTE_MS, start=HALT, end=None, limit=3, now=end)
    ticks = [tick for tick in market.path(HALT, end) if tick.symbol == "BTCUSDT"]

    assert {(bar.volume, bar.high - bar.low) for bar in bars} == {(Decimal(0), Decimal(0))}
    assert len({tick.price for tick in ticks}) == 1
    assert not market.trades(Symbol("BTCUSDT"), after=HALT, now=end, limit=10)


def test_the_crash_touches_the_bottom_of_every_wick(market: Board) -> None:
    until = Instant(CRASH + HOUR_MS)
    path = market.path(CRASH, until)

    for symbol in SYMBOLS:
        (bar,) = market.bars(Symbol(symbol), HOUR_MS, start=CRASH, end=None, limit=1, now=until)
        prices = [tick.price for tick in path if tick.symbol == symbol]
        assert (min(prices), max(prices)) == (bar.low, bar.high)
        assert bar.low < bar.open * Decimal("0.97")


def test_the_mark_follows_the_crash_but_not_to_the_bottom_of_the_wick(market: Board) -> None:
    until = Instant(CRASH + HOUR_MS)

    for symbol in SYMBOLS:
        (last,) = market.bars(Symbol(symbol), HOUR_MS, start=CRASH, end=None, limit=1, now=until)
        (mark,) = market.marks(Symbol(symbol), HOUR_MS, start=CRASH, end=None, limit=1, now=until)
        assert last.low < mark.low
        assert mark.low < last.open * Decimal("0.99")
