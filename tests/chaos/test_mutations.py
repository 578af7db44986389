"""The oracle can fail: `make test` ends with `tests.chaos.matrix.mutation_check`, which switches measures off."""

from tests.chaos.matrix.mutation_check import CHECKS
from tests.chaos.matrix.mutations import MUTATIONS


def test_every_measure_has_a_run_of_its_own() -> None:
    assert set(CHECKS) == set(MUTATIONS)
    assert len({shown.cell.number for shown in CHECKS.values()}) == len(CHECKS)
