"""The oracle can fail: with each safety measure switched off, the crash matrix complains of what it is for."""

import subprocess
import sys

import pytest

from tests.chaos.matrix.mutation_check import CHECKS
from tests.chaos.matrix.mutations import MUTATIONS
from tests.support.system import ROOT


def test_every_measure_has_a_run_of_its_own() -> None:
    assert set(CHECKS) == set(MUTATIONS)
    assert len({shown.cell.number for shown in CHECKS.values()}) == len(CHECKS)


@pytest.mark.timeout(500)
def test_each_measure_is_missed_by_name() -> None:
    """A process of its own: executors are forked from it, and this one has threads."""
    command = [sys.executable, "-m", "tests.chaos.matrix.mutation_check"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=480)
    assert said.returncode == 0, said.stdout + said.stderr[-2_000:]
    assert all(f"{name}: run " in said.stdout for name in CHECKS)
