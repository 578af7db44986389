"""The list of contracts on disk: what was kept is what is loaded, and a bad file is no obstacle."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from structlog.testing import capture_logs

from libs.common.exchange.memory import instrument
from libs.common.settings.sections import Venue
from services.executor.adapters.instrument_file import NAME, InstrumentFile

LISTED = {one.symbol: one for one in (instrument("BTCUSDT"), instrument("ETHUSDT", tick="0.01"))}


def test_what_was_kept_is_loaded_to_the_last_digit(tmp_path: Path) -> None:
    InstrumentFile(tmp_path, Venue.PAPER).keep(LISTED)
    assert InstrumentFile(tmp_path, Venue.PAPER).load() == LISTED


def test_another_venues_contracts_are_not_ours(tmp_path: Path) -> None:
    InstrumentFile(tmp_path, Venue.DEMO).keep(LISTED)
    assert InstrumentFile(tmp_path, Venue.LIVE).load() == {}


def test_a_file_that_cannot_be_read_is_as_good_as_none(tmp_path: Path) -> None:
    assert InstrumentFile(tmp_path, "paper").load() == {}
    (tmp_path / NAME).write_text('{"paper": [{"symbol": 1}]}')
    assert InstrumentFile(tmp_path, "paper").load() == {}


def test_a_disk_that_refuses_ends_nothing(tmp_path: Path) -> None:
    InstrumentFile(tmp_path / "nowhere", "paper").keep(LISTED)
    assert InstrumentFile(tmp_path / "nowhere", "paper").load() == {}


def keeps_again_and_again(home: Path) -> int:
    """Returns how often the file was not whole right after it was written, or could not be written."""
    file, broken = InstrumentFile(home, "paper"), 0
    with capture_logs() as said:
        for _ in range(200):
            file.keep(LISTED)
            broken += file.load() != LISTED
    return broken + len(said)


def test_executors_of_one_home_do_not_write_into_each_others_draft(tmp_path: Path) -> None:
    with ProcessPoolExecutor(3, mp_context=get_context("fork")) as pool:
        assert sum(pool.map(keeps_again_and_again, [tmp_path] * 3)) == 0
    assert [path.name for path in tmp_path.iterdir()] == [NAME]
