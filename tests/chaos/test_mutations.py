"""The oracle can fail: `python -m tests.chaos.matrix.mutation_check` switches safety measures off one by one."""

from tests.chaos.matrix.mutation_check import CHECKS
from tests.chaos.matrix.mutations import MUTATIONS


def test_every_measure_has_a_run_of_its_own() -> None:
    assert set(CHECKS) == set(MUTATIONS)
    assert len({shown.cell.number for shown in CHECKS.values()}) == len(CHECKS)
