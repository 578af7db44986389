from pathlib import Path

import pytest

from libs.common.bus.cursors import CursorFile, Watermark


def test_a_mark_waits_for_the_oldest_that_is_not_acknowledged() -> None:
    mark = Watermark("5-0")
    for entry in ("6-0", "7-0", "8-0"):
        mark.hand_out(entry)
    mark.acknowledge("7-0")
    assert mark.at == "5-0"
    mark.acknowledge("6-0")
    assert mark.at == "7-0"
    assert [mark.knows(entry) for entry in ("7-0", "8-0")] == [False, True]


def test_acknowledging_what_was_never_handed_out_changes_nothing() -> None:
    mark = Watermark("5-0")
    mark.acknowledge("9-0")
    assert mark.at == "5-0"


def test_cursors_are_found_again_by_the_next_process(tmp_path: Path) -> None:
    path = tmp_path / "cursors" / "trailing.json"
    CursorFile(path).save({"price": "7-0"})
    assert CursorFile(path).load() == {"price": "7-0"}
    assert [file.name for file in path.parent.iterdir()] == ["trailing.json"]


def test_cursors_that_did_not_move_are_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "trailing.json"
    file = CursorFile(path)
    file.save({"price": "7-0"})
    path.unlink()
    file.save({"price": "7-0"})
    assert not path.exists()
    file.save({"price": "8-0"})
    assert path.exists()


@pytest.mark.parametrize("content", [None, b"{", b"", b"[]", b"\xff", b'{"price": "yesterday"}'])
def test_cursors_that_are_missing_or_broken_are_none(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "trailing.json"
    if content is not None:
        path.write_bytes(content)
    assert CursorFile(path).load() == {}


def test_cursors_without_a_file_are_forgotten() -> None:
    file = CursorFile(None)
    file.save({"price": "7-0"})
    assert file.load() == {}
