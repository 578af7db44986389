import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def fit(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench.synthetic_fit", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_without_a_folder_of_panels_it_says_that_there_is_nothing_to_compare_with() -> None:
    done = fit()

    assert done.returncode == 0
    assert "no folder of recorded panels given" in done.stdout


def test_where_the_panels_are_not_it_names_the_files_that_it_missed(tmp_path: Path) -> None:
    done = fit(str(tmp_path))

    assert done.returncode == 2
    assert f"the recorded panels are not in {tmp_path}" in done.stderr
    assert "-5m.parquet" in done.stderr
    assert "Traceback" not in done.stderr
