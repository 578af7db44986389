from pathlib import Path

from services.executor.core import commit_points
from services.executor.core.commit_points import COMMIT_POINTS, go_on


def test_every_point_has_its_own_name_and_is_reached_somewhere() -> None:
    assert len(set(COMMIT_POINTS)) == len(COMMIT_POINTS)
    files = [*Path("services/executor/shell").glob("*.py"), Path("services/executor/service.py")]
    shell = "".join(file.read_text() for file in files)
    names = [name for name, value in vars(commit_points).items() if isinstance(value, str) and value in COMMIT_POINTS]
    assert len(names) == len(COMMIT_POINTS)
    for name in names:
        assert shell.count(name) >= 2, f"{name} is imported and reached nowhere"


def test_in_production_reaching_one_does_nothing() -> None:
    for name in COMMIT_POINTS:
        go_on(name)
