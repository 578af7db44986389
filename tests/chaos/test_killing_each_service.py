"""SIGKILL to every process of a trading system, one by one and all at once: it comes back and the books still hold."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ironkeel.local.home import open_home
from ironkeel.local.supervisor import pid_of, states
from libs.common.contracts.recovery import RecoveryAction
from tests.support.panels import make_panel
from tests.support.system import System, until

KILLS_OF_THE_EXECUTOR = 5
OTHERS = ("fetcher", "predictor", "trailing", "postmortem", "paper_exchange", "redis")
WITHIN_S = 90.0  # generous: a start is mostly imports, and this machine may be busy with something else
CALM = {str(action) for action in RecoveryAction} - {str(RecoveryAction.MANUAL_REVIEW_NEEDED)}


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    """Four symbols at four market minutes a second, entered so often that something is open most of the time."""
    panel = make_panel(tmp_path / "panel", days=40)
    market = ["--market", f"replay:{panel.directory}", "--from", "2025-09-18", "--speed", "240"]
    busy = {"IRONKEEL_PREDICTOR__RANDOM_RATE": "0.7"}
    with System(tmp_path / "home", [*market, "--policy", "random:1"], busy) as started:
        started.wait_ready()
        yield started


@pytest.mark.timeout(600)
def test_whatever_is_killed_comes_back_and_the_books_hold(system: System) -> None:
    for _ in range(KILLS_OF_THE_EXECUTOR):
        with_something_open(system)
        kill(system, "executor")
    for name in OTHERS:
        with_something_open(system)
        kill(system, name)
    with_something_open(system)
    forget_everything(system)
    kill(system, "executor", "redis")
    with_something_open(system)
    kill_all(system)
    system.start()
    system.wait_ready()
    assert "resuming venue paper" in system.output()

    filled = len(books(system)["fills"])
    until(lambda: len(books(system)["fills"]) > filled, within=WITHIN_S, what="trading, after all that")
    assert len(actions(system)) >= KILLS_OF_THE_EXECUTOR + 3
    assert set(actions(system)) <= CALM

    flat = system.tool("flatten", within=WITHIN_S)
    assert flat.returncode == 0, flat.stderr
    until(lambda: audit(system) == 0, within=WITHIN_S, what="books that hold\n" + system.tool("paper", "audit").stdout)


def with_something_open(system: System) -> None:
    until(lambda: (system.get("/v1/positions") or {}).get("items"), within=WITHIN_S, what="an open position")


def kill(system: System, *names: str) -> None:
    """SIGKILL, and wait until the supervisor has replaced all of them and each can do its work."""
    died = {name: system.kill(name) for name in names}

    def are_back() -> bool:
        return all(system.pid(name) not in (None, pid) and system.is_ready(name) for name, pid in died.items())

    until(are_back, within=WITHIN_S, what=f"{names} again\n" + system.output()[-2000:])


def forget_everything(system: System) -> None:
    """FLUSHALL while something is open."""
    with system.redis() as client:
        client.flushall()


def kill_all(system: System) -> None:
    """As if the machine had lost its power: `up`, its supervisor and every process of the system."""
    home = open_home(system.home)
    assert system.process
    for pid in (system.process.pid, pid_of(home), *(state.pid for state in states(home).values())):
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
    system.process.wait()


def books(system: System) -> dict[str, Any]:
    told: dict[str, Any] = until(lambda: system.get("/paper/v1/audit", 100), within=WITHIN_S, what="the books")
    return told


def audit(system: System) -> int:
    """Exit code of the verdict; what was closed last may still be on its way to the ledger and the reports."""
    return system.tool("paper", "audit").returncode


def actions(system: System) -> list[str]:
    """What every start of the executor decided, by its own log."""
    lines = (system.home / "logs" / "executor.log").read_text().splitlines()
    return [str(json.loads(line)["action"]) for line in lines if '"event": "recovery.planned"' in line]
