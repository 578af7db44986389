"""Lockstep twice: the same seed and market give the same decisions and the same books, byte for byte."""

import json
from pathlib import Path

import pytest

from tests.support.panels import STEP_MS, MadePanel, make_panel, random_walk, write_candles
from tests.support.system import System

BEGIN, END = "2025-09-18", "2025-09-18T02:30"  # three days of history stand before it


@pytest.fixture
def panel(tmp_path: Path) -> MadePanel:
    return make_panel(tmp_path / "panel", days=4)


def run_to_the_end(panel: MadePanel, home: Path) -> str:
    """Run the whole system in lockstep until the market ends; returns what it said."""
    market = ["--market", f"replay:{panel.directory}", "--from", BEGIN, "--to", END]
    words = [*market, "--speed", "max", "--policy", "random:1"]
    running = System(home, words, {"IRONKEEL_PREDICTOR__RANDOM_RATE": "0.5"})
    with running:
        assert running.process
        assert running.process.wait(timeout=140) == 0, running.output()[-4000:]
    return running.output()


@pytest.mark.timeout(320)
def test_two_runs_have_the_same_books_and_reports_byte_for_byte(panel: MadePanel, tmp_path: Path) -> None:
    homes = tmp_path / "first", tmp_path / "second"
    said = [run_to_the_end(panel, home) for home in homes]
    first, second = ((home / "books.json").read_bytes() for home in homes)
    assert first == second

    told = json.loads(first)
    assert told["executor"]["trades"], "a run in which nothing was closed compares too little"
    assert told["exchange"]["fills"]
    assert [_reports(home) for home in homes] == [_reports(homes[0])] * 2
    assert "2025-09-18T02:30:00Z, its end" in said[0]
    assert said[0].splitlines()[-1] == "stopped"
    assert _clean_stops(homes[0]) == 1


def _reports(home: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (home / "postmortems").glob("*.json")}


def _clean_stops(home: Path) -> int:
    return (home / "logs" / "executor.log").read_text().count("session.ended")


def changing_panel(directory: Path) -> Path:
    """Three symbols of 15m candles, one that is listed half an hour into the run, and one that is delisted in it."""
    begin, count = 1_758_153_600_000, 4 * 96  # BEGIN, and four days with the run at the start of the last
    directory.mkdir()
    spans = {"BTCUSDT": (0, count), "ETHUSDT": (0, count), "SOLUSDT": (0, count)}
    spans |= {"NEWUSDT": (3 * 96 + 2, count), "OLDUSDT": (0, 3 * 96 + 6)}
    for seed, (symbol, (first, last)) in enumerate(spans.items()):
        rows = random_walk(seed, last - first, 100.0, 2)
        write_candles(directory / f"{symbol}-15m.parquet", begin + (first - 3 * 96) * STEP_MS, STEP_MS, rows)
    return directory


@pytest.mark.timeout(320)
def test_a_listing_and_a_delisting_in_the_run_change_the_universe_alike_in_both_runs(tmp_path: Path) -> None:
    panel = changing_panel(tmp_path / "panel")
    words = ["--market", f"replay:{panel}", "--from", BEGIN, "--to", END, "--speed", "max", "--policy", "random:1"]
    homes = tmp_path / "first", tmp_path / "second"
    for home in homes:
        with System(
            home, words, {"IRONKEEL_PREDICTOR__RANDOM_RATE": "0.5", "IRONKEEL_MARKET__MIN_AGE_DAYS": "0"}
        ) as run:
            assert run.process
            assert run.process.wait(timeout=140) == 0, run.output()[-4000:]
    first, second = ((home / "books.json").read_bytes() for home in homes)
    assert first == second
    choices = [json.loads((home / "universe.json").read_bytes()) for home in homes]
    assert choices[0] == choices[1]
    assert choices[0]["symbols"] == ["BTCUSDT", "ETHUSDT", "NEWUSDT", "SOLUSDT"]
    for home in homes:
        log = (home / "logs" / "fetcher.log").read_text()
        assert '"went":{"OLDUSDT":"delisted"}' in log.replace(" ", "")
        assert '"came":["NEWUSDT"]' in log.replace(" ", "")
