from pathlib import Path

import pytest

from libs.common.errors import Poison
from services.postmortem.adapters.archive import Archive, as_bytes, file_name, from_bytes
from services.postmortem.core.report import explain
from tests.support.trades import trade


@pytest.mark.parametrize("trade_id", ["ika-BTCUSDT-h2k1-e", "adopted-BTCUSDT-1700000000000"])
def test_ids_of_ours_are_their_own_file_names(trade_id: str) -> None:
    assert file_name(trade_id) == trade_id


@pytest.mark.parametrize("trade_id", ["", ".", "..", "../../etc/passwd", "a/b", "a\0b", ".hidden", "ü", "x" * 300])
def test_no_id_leaves_the_folder(tmp_path: Path, trade_id: str) -> None:
    path = Archive(tmp_path).path(trade_id)
    assert path.parent == tmp_path
    assert not path.name.startswith(".")
    assert len(path.name) <= 255


def test_different_ids_have_different_files(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    ids = ["a/b", "a%2Fb", "a.b", "a%2Eb", "", "x" * 300, "x" * 301]
    assert len({archive.path(each) for each in ids}) == len(ids)


def test_what_was_written_is_read_again_and_nothing_else_is_there(tmp_path: Path) -> None:
    archive, report = Archive(tmp_path / "postmortems"), explain(trade())
    assert archive.read(report.trade_id) is None
    assert archive.write(report)
    assert archive.read(report.trade_id) == report
    assert [path.name for path in archive.folder.iterdir()] == [f"{report.trade_id}.json"]
    assert list(archive.reports()) == [report]


def test_the_first_report_of_a_trade_stands(tmp_path: Path) -> None:
    archive, report = Archive(tmp_path), explain(trade())
    archive.write(report)
    assert not archive.write(report.model_copy(update={"severity_reason": "another"}))
    assert archive.read(report.trade_id) == report


def test_a_report_that_cannot_be_read_is_written_again(tmp_path: Path) -> None:
    archive, report = Archive(tmp_path), explain(trade())
    archive.path(report.trade_id).write_bytes(b'{"schema": "postmortem.written.v1"')
    assert archive.read(report.trade_id) is None
    assert archive.write(report)
    assert archive.read(report.trade_id) == report


def test_a_draft_left_by_a_crash_is_no_report(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    (tmp_path / "ika-BTCUSDT-h2k1-e.77.tmp").write_bytes(b"{")
    assert list(archive.reports()) == []


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"{}", b'{"schema": "price.moved.v9"}'])
def test_what_is_not_a_report_says_so(content: bytes) -> None:
    with pytest.raises(Poison):
        from_bytes(content)


def test_a_file_names_its_schema_and_reads_back_as_it_was() -> None:
    report = explain(trade())
    assert as_bytes(report).startswith(b'{\n  "schema": "postmortem.written.v1"')
    assert from_bytes(as_bytes(report)) == report
