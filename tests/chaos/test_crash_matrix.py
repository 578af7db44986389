"""What the crash matrix is made of; `make test` runs it in short when all else has passed: see tests/chaos/matrix."""

from dataclasses import replace
from pathlib import Path

from services.executor.core.commit_points import COMMIT_POINTS
from tests.chaos.matrix.cell import cell_of
from tests.chaos.matrix.faults import FAULTS, RedisFate
from tests.chaos.matrix.journal import Journal
from tests.chaos.matrix.oracle import Findings
from tests.chaos.matrix.run import Result

SEED = 1

FINE = Findings((), 0, 0, 0, "0", 0, 3)
RESULT = Result(4, "a kill", 1, 0, 2, FINE, ("entry.admitted",), 1.0, 9.0)


def test_a_number_and_a_seed_are_always_the_same_run() -> None:
    assert [cell_of(n, 5) for n in range(99)] == [cell_of(n, 5) for n in range(99)]
    assert [cell_of(n, 5).blows for n in range(99)] != [cell_of(n, 6).blows for n in range(99)]


def test_the_long_form_meets_every_commit_point_with_every_fate_of_redis_and_every_fault() -> None:
    cells = [cell_of(n, 1) for n in range(5_000)]
    struck = {(blow.point, cell.redis) for cell in cells for blow in cell.blows}
    assert struck == {(point, fate) for point in COMMIT_POINTS for fate in RedisFate}
    assert {cell.fault for cell in cells} == set(FAULTS)
    assert {cell.executors for cell in cells} == {1, 2}


def test_every_commit_point_and_every_fault_has_its_runs() -> None:
    cells = [cell_of(n, SEED) for n in range(len(COMMIT_POINTS) * len(FAULTS))]
    assert {blow.point for cell in cells for blow in cell.blows} == set(COMMIT_POINTS)
    assert {cell.fault for cell in cells} == set(FAULTS)


def test_a_journal_gives_back_what_was_done_and_drops_a_line_that_a_crash_cut(tmp_path: Path) -> None:
    journal = Journal.of(tmp_path, 1)
    assert list(journal.results()) == []
    journal.add(RESULT)
    journal.add(replace(RESULT, number=5))
    with journal.file.open("ab") as file:
        file.write(b'{"number": 6, "to')
    again = Journal.of(tmp_path, 1)
    again.add(replace(RESULT, number=7))
    assert [result.number for result in again.results()] == [4, 5, 7]
