"""Lockstep twice: the same seed and market give the same decisions and the same books, byte for byte."""

import json
from pathlib import Path

import pytest

from tests.support.panels import MadePanel, make_panel
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
