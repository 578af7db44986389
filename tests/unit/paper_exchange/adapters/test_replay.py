from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from libs.common.errors import Misconfigured
from libs.common.units import HOUR_MS, MINUTE_MS, Instant, Symbol
from services.paper_exchange.adapters.markets.replay import replay_market
from services.paper_exchange.core.market.board import Board
from tests.support.panels import MADE_FIRST, STEP_MS, MadePanel, random_walk, write_candles

BTC = Symbol("BTCUSDT")


def replay(directory: Path, symbols: tuple[str, ...] | str = "top:50", start: int | None = None) -> Board:
    return replay_market(directory, symbols=symbols, start=None if start is None else Instant(start), end=None)


def test_a_panel_lists_every_symbol_with_the_tick_of_its_prices(made_panel: MadePanel) -> None:
    listed = {each.symbol: each.tick for each in replay(made_panel.directory).instruments}

    assert listed == {
        "BTCUSDT": Decimal("0.1"),
        "ETHUSDT": Decimal("0.01"),
        "NEWUSDT": Decimal("0.00001"),
        "SOLUSDT": Decimal("0.01"),
    }


def test_a_late_listing_has_no_price_before_its_first_tick(made_panel: MadePanel) -> None:
    market = replay(made_panel.directory)
    launched = next(each.launched for each in market.instruments if each.symbol == "NEWUSDT")

    assert launched == MADE_FIRST + 96 * STEP_MS
    assert market.price(Symbol("NEWUSDT"), launched) is None
    assert market.price(Symbol("NEWUSDT"), Instant(launched + 1)) == Decimal("0.03000")


def test_the_finest_file_of_a_symbol_drives_its_path(made_panel: MadePanel) -> None:
    rows = random_walk(9, 4 * 96 * 3, 60_000.0, 1)
    write_candles(made_panel.directory / "BTCUSDT-5m.parquet", MADE_FIRST, 5 * MINUTE_MS, rows)

    bars = replay(made_panel.directory).bars(
        BTC, 5 * MINUTE_MS, start=MADE_FIRST, end=None, limit=2, now=Instant(MADE_FIRST + HOUR_MS)
    )

    assert [bar.close for bar in bars] == [Decimal(repr(row[3])) for row in rows[:2]]


def test_a_hole_is_filled_with_candles_that_do_not_move(tmp_path: Path) -> None:
    write_candles(tmp_path / "AUSDT-1h.parquet", 0, HOUR_MS, [(1.0, 2.0, 0.5, 1.5, 3.0)] * 4)
    table = pq.read_table(tmp_path / "AUSDT-1h.parquet")
    pq.write_table(table.take([0, 1, 3]), tmp_path / "AUSDT-1h.parquet")

    bars = replay(tmp_path).bars(
        Symbol("AUSDT"), HOUR_MS, start=Instant(0), end=None, limit=9, now=Instant(4 * HOUR_MS)
    )

    assert [(bar.open, bar.high, bar.low, bar.close, bar.volume) for bar in bars][2] == (
        *[Decimal("1.5")] * 4,
        Decimal(0),
    )
    assert len(bars) == 4


def test_hours_alone_are_split_into_quarters_that_add_up_to_them(tmp_path: Path) -> None:
    write_candles(tmp_path / "AUSDT-1h.parquet", MADE_FIRST, HOUR_MS, [(1.0, 2.0, 0.5, 1.5, 4.0)] * 3)
    market, now = replay(tmp_path), Instant(MADE_FIRST + 3 * HOUR_MS)

    quarters, hours = (
        market.bars(Symbol("AUSDT"), interval, start=None, end=None, limit=99, now=now)
        for interval in (STEP_MS, HOUR_MS)
    )

    assert len(quarters) == 12
    assert {(bar.open, bar.high, bar.low, bar.close, bar.volume) for bar in hours} == {
        (Decimal(1), Decimal(2), Decimal("0.5"), Decimal("1.5"), Decimal(4))
    }


def test_recorded_funding_settles_at_its_times_and_the_rest_every_eight_hours(made_panel: MadePanel) -> None:
    settled = replay(made_panel.directory).settlements(MADE_FIRST, Instant(MADE_FIRST + 8 * HOUR_MS))

    assert [(each.at - MADE_FIRST, each.symbol, each.rate) for each in settled] == [
        (4 * HOUR_MS, "SOLUSDT", Decimal("0.0")),
        (8 * HOUR_MS, "BTCUSDT", Decimal("0.0001")),
        (8 * HOUR_MS, "ETHUSDT", Decimal("0.0001")),
        (8 * HOUR_MS, "SOLUSDT", Decimal("0.0001")),
    ]


def test_only_the_symbols_asked_for_are_listed(made_panel: MadePanel) -> None:
    market = replay(made_panel.directory, ("SOLUSDT", "BTCUSDT"))

    assert [each.symbol for each in market.instruments] == ["BTCUSDT", "SOLUSDT"]


def test_the_top_is_ranked_by_turnover_before_the_start(made_panel: MadePanel) -> None:
    assert [each.symbol for each in replay(made_panel.directory, "top:2").instruments] == ["BTCUSDT", "ETHUSDT"]


def test_a_missing_folder_names_itself_and_what_it_should_hold(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"nowhere: no such folder; it must hold <SYMBOL>-"):
        replay(tmp_path / "nowhere")


def test_a_folder_without_candles_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="no candles in it"):
        replay(tmp_path)


def test_an_unknown_symbol_is_named_beside_what_the_panel_has(made_panel: MadePanel) -> None:
    with pytest.raises(Misconfigured, match="DOGEUSDT not in the panel, which has BTCUSDT"):
        replay(made_panel.directory, ("DOGEUSDT",))


def test_a_start_outside_the_data_is_refused(made_panel: MadePanel) -> None:
    with pytest.raises(Misconfigured, match=r"paper\.from"):
        replay(made_panel.directory, start=made_panel.last)


def test_a_file_without_the_right_columns_is_named(tmp_path: Path) -> None:
    pq.write_table(pa.table({"ts": pa.array([0], pa.int64()), "price": [1.0]}), tmp_path / "AUSDT-1h.parquet")

    with pytest.raises(Misconfigured, match=r"AUSDT-1h\.parquet"):
        replay(tmp_path)


def test_a_file_that_is_not_parquet_is_named(tmp_path: Path) -> None:
    (tmp_path / "AUSDT-1h.parquet").write_text("not parquet")

    with pytest.raises(Misconfigured, match=r"AUSDT-1h\.parquet: cannot be read"):
        replay(tmp_path)


@pytest.mark.parametrize(
    "row", [(1.0, 0.9, 0.8, 1.0, 1.0), (0.0, 1.0, 0.0, 1.0, 1.0), (1.0, 1.0, 1.0, 1.0, -1.0), (float("nan"),) * 5]
)
def test_candles_that_cannot_be_are_refused(tmp_path: Path, row: tuple[float, float, float, float, float]) -> None:
    write_candles(tmp_path / "AUSDT-1h.parquet", 0, HOUR_MS, [row])

    with pytest.raises(Misconfigured, match=r"AUSDT-1h\.parquet"):
        replay(tmp_path)
