from pathlib import Path

from libs.common.units import Symbol
from services.fetcher.adapters.universe_file import UniverseFile
from services.fetcher.core.choice import Choice, Filter, LeftOut

BTC, ETH = Symbol("BTCUSDT"), Symbol("ETHUSDT")
CHOICE = Choice("top:2", 7, (BTC,), 1, (ETH,), {Filter.TOO_WILD: LeftOut(12, (ETH,))})


def test_a_home_remembers_the_choice_that_was_kept_last(tmp_path: Path) -> None:
    file = UniverseFile(tmp_path)
    assert file.load() is None
    file.keep(Choice("top:1", 6, (ETH,)))
    file.keep(CHOICE)
    assert file.load() == CHOICE
    assert [path.name for path in tmp_path.iterdir()] == ["universe.json"]


def test_a_file_that_cannot_be_read_is_no_memory(tmp_path: Path) -> None:
    for body in (b"{", b'{"wish": "top:2", "symbols": ["BTCUSDT"]}'):
        (tmp_path / "universe.json").write_bytes(body)
        assert UniverseFile(tmp_path).load() is None


def test_a_home_that_cannot_be_written_costs_the_memory_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "universe.json").mkdir()
    UniverseFile(tmp_path).keep(CHOICE)
    assert UniverseFile(tmp_path).load() is None
