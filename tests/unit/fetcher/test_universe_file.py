from pathlib import Path

from libs.common.units import Symbol
from services.fetcher.adapters.universe_file import settle

BTC, ETH, SOL = Symbol("BTCUSDT"), Symbol("ETHUSDT"), Symbol("SOLUSDT")
LISTED = {BTC, ETH, SOL}


def test_the_first_choice_holds_for_everybody_after(tmp_path: Path) -> None:
    path = tmp_path / "universe.json"
    assert settle(path, "top:2", (BTC, ETH), LISTED) == (BTC, ETH)
    assert settle(path, "top:2", (ETH, SOL), LISTED) == (BTC, ETH)


def test_another_wish_is_another_choice(tmp_path: Path) -> None:
    path = tmp_path / "universe.json"
    settle(path, "top:2", (BTC, ETH), LISTED)
    assert settle(path, "top:1", (SOL,), LISTED) == (SOL,)


def test_what_is_not_listed_any_more_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "universe.json"
    settle(path, "top:2", (BTC, ETH), LISTED)
    assert settle(path, "top:2", (SOL,), {BTC, SOL}) == (BTC,)


def test_an_unreadable_file_is_chosen_again(tmp_path: Path) -> None:
    path = tmp_path / "universe.json"
    path.write_bytes(b"{")
    assert settle(path, "top:2", (BTC,), LISTED) == (BTC,)
    assert [file.name for file in tmp_path.iterdir()] == ["universe.json"]
