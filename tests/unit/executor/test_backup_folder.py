"""The folder of snapshots: whole files or none."""

from pathlib import Path

import pytest

from libs.common.units import DAY_MS, Instant
from services.executor.adapters.backup_folder import BackupFolder
from services.executor.core.backup import name_of, parse

NOW, STATE = Instant(1_800_000_000_000), "0123456789ab"


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert BackupFolder(tmp_path / "backup").newest() is None


def test_what_is_kept_is_found_and_what_is_stale_goes(tmp_path: Path) -> None:
    folder = BackupFolder(tmp_path / "backup")
    old, new = name_of(Instant(NOW - 15 * DAY_MS), STATE), name_of(NOW, STATE)
    folder.keep(old, b"{}", now=Instant(NOW - 15 * DAY_MS))
    assert folder.newest() == parse(old)
    folder.keep(new, b'{"a": 1}', now=NOW)
    assert [path.name for path in (tmp_path / "backup").iterdir()] == [new]
    assert (tmp_path / "backup" / new).read_bytes() == b'{"a": 1}'


def test_a_write_that_fails_leaves_no_half_snapshot_under_a_whole_ones_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(_handle: int) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.fsync", refuses)
    folder = BackupFolder(tmp_path / "backup")
    with pytest.raises(OSError, match="disk full"):
        folder.keep(name_of(NOW, STATE), b"{}", now=NOW)
    assert folder.newest() is None
