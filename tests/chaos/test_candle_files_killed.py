"""SIGKILL to a writer of candles at every step that touches the disk: none is lost, none is there twice."""

import json
import subprocess
import sys
from itertools import count
from pathlib import Path
from typing import Final

import pandas as pd
import pytest

from libs.common.candle_days import DAYS, Key, Row, grow, read_series
from libs.common.candle_panel import times_of
from libs.common.units import DAY_MS, Symbol, Timeframe

FIRST: Final = 1_757_894_400_000  # 2025-09-15T00:00:00Z
M15: Final = Timeframe.M15
DAY: Final = DAY_MS // M15.ms
KEYS: Final[list[Key]] = [(Symbol(name), M15) for name in ("ADAUSDT", "BTCUSDT", "ETHUSDT")]

# Each thing that a writer does to the disk is counted, and at the chosen one the process kills itself: when half of a
# file is written, or when it is done, which is before the next.
WRITER: Final = """
import json, os, signal, sys
from pathlib import Path
import pyarrow.parquet as pq
from libs.common import candle_days
from tests.chaos.test_candle_files_killed import KEYS, told

folder, step, when, numbers = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], json.loads(sys.argv[4])
done = 0

def die(): os.kill(os.getpid(), signal.SIGKILL)

def counted(act, halfway=None):
    def acted(*args, **named):
        global done
        done += 1
        answer = act(*args, **named)
        if done == step:
            if when == "half" and halfway: halfway(*args)
            die()
        return answer
    return acted

def half(table, path, *rest): os.truncate(path, os.path.getsize(path) // 2)

pq.write_table = counted(pq.write_table, half)
os.fsync, Path.replace, Path.unlink = counted(os.fsync), counted(Path.replace), counted(Path.unlink)
assert candle_days.grow(folder, {key: told(*numbers) for key in KEYS}, most=10_000)
"""


def told(*numbers: int) -> list[Row]:
    return [(FIRST + n * M15.ms, 1.0, 2.0, 0.5, float(n), 7.0, "7.5") for n in numbers]


def killed(folder: Path, step: int, when: str, numbers: list[int]) -> bool:
    """Whether the writer died; it must not fail in any other way."""
    command = [sys.executable, "-c", WRITER, str(folder), str(step), when, json.dumps(numbers)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in {0, -9}, done.stderr
    return done.returncode == -9


def seen(folder: Path, key: Key) -> list[int]:
    table = read_series(folder, key)
    assert table is not None
    assert table["close"].to_pylist() == [(at - FIRST) / M15.ms for at in times_of(table)]
    return [(at - FIRST) // M15.ms for at in times_of(table)]


@pytest.mark.parametrize("when", ["half", "whole"])
@pytest.mark.parametrize(
    "new",
    [
        pytest.param([DAY + 10, DAY + 11], id="append"),
        pytest.param([2 * DAY - 1, 2 * DAY], id="compaction"),
    ],
)
@pytest.mark.timeout(240)
def test_a_writer_killed_at_any_step_loses_nothing_and_repeats_nothing(
    tmp_path: Path, new: list[int], when: str
) -> None:
    before = [*range(DAY), *range(DAY, DAY + 10)]
    for step in count(1):
        folder = tmp_path / str(step)
        assert grow(folder, {key: told(*range(DAY)) for key in KEYS}, most=10_000)
        assert grow(folder, {key: told(*range(DAY, DAY + 10)) for key in KEYS}, most=10_000)
        died = killed(folder, step, when, new)
        for key in KEYS:
            assert seen(folder, key)[: len(before)] == before
            assert len(seen(folder, key)) in {len(before), len(before) + len(new)}
        for path in [*folder.glob("*.parquet"), *(folder / DAYS).glob("*.parquet")]:
            pd.read_parquet(path)  # whole, whatever happened
        assert grow(folder, {key: told(*new) for key in KEYS}, most=10_000)  # the next one is told all of it again
        assert all(seen(folder, key) == [*before, *new] for key in KEYS)
        assert not list(folder.rglob("*.unreadable"))
        if not died:
            break
    assert step > 3  # it did die at something
