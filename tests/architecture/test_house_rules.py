"""The rules of the house that no linter knows, read from the source itself."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVICES = ("fetcher", "predictor", "executor", "trailing", "postmortem", "paper_exchange")
LARGEST_FILE = 350
LARGEST_MAIN = 40
PORTS = {
    "paper_exchange": {"market/market", "relayed/relayed"}
}  # what a core asks for and is given: test_market_path.py and test_relay.py hold them to it


def sources() -> Iterator[Path]:
    for top in ("libs", "services", "ironkeel"):
        yield from (ROOT / top).rglob("*.py")


def line_count(path: Path) -> int:
    return len(path.read_text().splitlines())


def test_import_contracts_hold() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_the_same_five_entries(service: str) -> None:
    folder = ROOT / "services" / service
    for entry in ("main.py", "settings.py", "service.py", "core", "adapters"):
        assert (folder / entry).exists(), f"{service} has no {entry}"


@pytest.mark.parametrize("service", SERVICES)
def test_main_is_the_services_story(service: str) -> None:
    main = ROOT / "services" / service / "main.py"
    assert line_count(main) <= LARGEST_MAIN
    decisions = [n for n in ast.walk(ast.parse(main.read_text())) if isinstance(n, ast.If | ast.For | ast.While)]
    guard = [n for n in decisions if isinstance(n, ast.If) and "__name__" in ast.unparse(n.test)]
    assert decisions == guard, f"{service}/main.py decides something"


def test_no_file_is_too_long_to_read() -> None:
    long = {str(p.relative_to(ROOT)): line_count(p) for p in sources() if line_count(p) > LARGEST_FILE}
    assert not long


def test_one_broad_except_in_the_system() -> None:
    broad = [
        str(path.relative_to(ROOT))
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in {"Exception", "BaseException"})
        and ast.unparse(node.body[-1]) != "raise"  # cleans up and lets the error go on
    ]
    assert len(broad) <= 1, broad


def test_locks_record_hashes_and_no_addresses() -> None:
    locks = sorted((ROOT / "requirements").glob("*.lock"))
    assert {f"{s}.lock" for s in SERVICES} <= {p.name for p in locks}
    for lock in locks:
        text = lock.read_text()
        assert "://" not in text
        assert all("--hash=sha256:" in block for block in re.split(r"\n(?=[a-z0-9])", text.strip()))


def test_every_lock_agrees_with_the_development_lock() -> None:
    def pins(path: Path) -> set[str]:
        return {line.split()[0] for line in path.read_text().splitlines() if "==" in line}

    development = pins(ROOT / "requirements" / "dev.lock")
    for lock in (ROOT / "requirements").glob("*.lock"):
        assert pins(lock) <= development, lock.name


@pytest.mark.parametrize("service", SERVICES)
def test_every_core_module_is_mirrored_by_a_test(service: str) -> None:
    core, unit = ROOT / "services" / service / "core", ROOT / "tests/unit" / service
    modules = {p.relative_to(core).with_suffix("") for p in core.rglob("*.py") if p.stem != "__init__"}
    tests = {
        p.relative_to(unit).with_name(p.stem.removeprefix("test_")) for p in unit.rglob("test_*.py")
    }  # in the same folders
    missing = {str(module) for module in modules - tests} - PORTS.get(service, set())
    assert not missing, f"no unit test for {sorted(missing)}"
