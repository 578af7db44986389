"""No candle that a venue recorded is kept from anybody, crashes and halts least of all; where there are panels."""

from collections.abc import Sequence
from decimal import Decimal
from random import Random
from typing import Final

import pytest

from bench.candle_quality import doubted, found, panel_files, series
from libs.common.clock import parse_iso
from libs.common.exchange.market_types import Candle
from libs.common.units import HOUR_MS, Instant, Price, Qty
from services.fetcher.core.quarantine import Kind, Quarantine, Quarantined
from tests.support.panels import real_panel

PANEL: Final = real_panel("binance-perp_2025H2")
PANELS: Final = (
    "binance-perp-1h_2020_2023",
    "binance-perp-1m_2025-05_2025-06",
    "binance-perp-1m_2026-01",
    "binance-perp_2025H2",
    "binance-perp_2026Q1",
    "bybit-perp_2025-04_2025-07",
    "bybit-perp_2025-09_2026-03",
)
CRASH: Final = parse_iso("2025-10-10T21:15")  # a quarter of an hour in which most symbols lost a third and more
HALT: Final = parse_iso("2025-08-29T06:15")  # one without a single trade
BEFORE_MS: Final = 12 * HOUR_MS

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not PANEL.is_dir(), reason=f"the real panel is not at {PANEL}"),
]


@pytest.mark.parametrize("name", PANELS)
def test_no_recorded_candle_is_doubted_even_when_no_other_symbol_is_asked(name: str) -> None:
    folder = real_panel(name)
    if not folder.is_dir():
        pytest.skip(f"the real panel is not at {folder}")
    files = [path for path in panel_files(folder.parent) if path.parent == folder]
    assert files
    assert [text for path in files for text in doubted(path)[2]] == []


def market(at: Instant) -> Sequence[Sequence[Candle]]:
    """Every symbol's 15m candles of half a day around a moment, moment by moment, the symbols in an order by chance."""
    moments: dict[Instant, list[Candle]] = {}
    for path in sorted(PANEL.glob("*USDT-15m.parquet")):
        for candle in series(path):
            if at - BEFORE_MS <= candle.open_at <= at + HOUR_MS:
                moments.setdefault(candle.open_at, []).append(candle)
    dice = Random(int(at))
    return [dice.sample(moments[moment], k=len(moments[moment])) for moment in sorted(moments)]


@pytest.mark.parametrize("at", [CRASH, HALT])
def test_a_crash_and_a_halt_of_the_whole_market_pass_whoever_is_heard_first(at: Instant) -> None:
    quarantine = Quarantine()
    for moment in market(at):
        assert all(quarantine.admits(candle) for candle in moment)
    assert quarantine.news() == []


def test_a_crash_passes_without_volume_too_when_the_others_have_been_heard() -> None:
    """What no volume bears out the market does: the last third to be heard needs nothing else."""
    quarantine = Quarantine()
    for moment in market(CRASH):
        for number, candle in enumerate(moment):
            is_late = candle.open_at == CRASH and number >= len(moment) * 2 // 3
            told = candle._replace(volume=Qty(candle.volume / 1_000)) if is_late else candle
            assert quarantine.admits(told), candle


def test_one_bad_print_in_a_calm_market_is_kept_and_only_that_one() -> None:
    quarantine, hour = Quarantine(), parse_iso("2025-09-15T12:00")
    for moment in market(hour):
        for candle in moment:
            is_wrong = candle.open_at == hour and candle.symbol == "BTCUSDT"
            told = candle._replace(low=Price(candle.low * Decimal("0.8"))) if is_wrong else candle
            assert quarantine.admits(told) is not is_wrong
    [said] = quarantine.news()
    assert isinstance(said, Quarantined)
    assert (said.kind, said.candle.symbol) == (Kind.OUTLIER, "BTCUSDT")


def test_most_bad_prints_of_a_fifth_and_nearly_all_of_the_double_are_found() -> None:
    files = sorted(PANEL.glob("*USDT-15m.parquet"))
    fifth, double = (found(files, size, 10, Random(7)) for size in (1.2, 2.0))
    assert fifth[0] >= 0.7 * fifth[1]
    assert double[0] >= 0.9 * double[1]
