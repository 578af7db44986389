"""The whole loop as a user runs it: from candle to post-mortem, through a SIGKILL, a Ctrl-C and a second start."""

import json
import socket
from pathlib import Path

import pytest

from tests.support.panels import MadePanel, make_panel
from tests.support.system import System, until

FIRST_DAY = "2025-09-18"  # three days of history stand before it


@pytest.fixture
def panel(tmp_path: Path) -> MadePanel:
    return make_panel(tmp_path / "panel", days=8)


def system(panel: MadePanel, home: Path, *words: str) -> System:
    market = ["--market", f"replay:{panel.directory}", "--from", FIRST_DAY]
    return System(home, [*market, "--policy", "random:1", *words], {"IRONKEEL_PREDICTOR__RANDOM_RATE": "0.5"})


@pytest.mark.timeout(300)
def test_it_trades_survives_a_kill_holds_every_promise_and_resumes(panel: MadePanel, tmp_path: Path) -> None:
    running = system(panel, tmp_path / "home", "--speed", "900")
    with running:
        running.wait_ready()
        until(lambda: running.items("/v1/trades"), within=90, what="a closed trade\n" + running.output()[-1000:])

        services = running.services()
        assert list(services) == [
            "redis", "paper_exchange", "fetcher", "predictor", "executor", "trailing", "postmortem",
        ]  # fmt: skip
        died = running.kill("executor")
        until(lambda: running.pid("executor") not in (None, died), within=30, what="another executor")
        until(lambda: running.get("/health/ready"), within=60, what="a recovered executor")

        flat = running.tool("flatten", within=120)
        assert flat.returncode == 0, flat.stderr + running.output()[-2000:]
        assert running.get("/v1/positions")["items"] == []
        verdict = until(lambda: holds(running), within=30, what="a verdict that holds\n" + audit(running))
        assert "one post-mortem for every losing trade" in verdict

        before, trades = running.get("/paper/v1/clock", 100)["market_ms"], len(running.items("/v1/trades"))
        assert running.stop(within=15) == 0
    assert all(pid is None for pid in (running.pid("redis"), running.pid("executor")))

    with running:
        running.wait_ready()
        assert "resuming venue paper" in running.output()
        assert running.get("/paper/v1/clock", 100)["market_ms"] >= before
        assert len(running.items("/v1/trades")) >= trades
        assert running.get("/v1/status")["entries"] == "halted"  # the switch outlives a restart
        assert '"clean_stop": true' in (tmp_path / "home" / "logs" / "executor.log").read_text()

        second = running.tool("up")
        assert second.returncode == 2
        assert "in use" in second.stderr

    other = running.tool("up", "--market", "synthetic")
    assert other.returncode == 2
    assert "market synthetic" in other.stderr
    assert str(panel.directory) in other.stderr


def audit(running: System) -> str:
    said = running.tool("paper", "audit")
    return said.stdout + said.stderr


def holds(running: System) -> str | None:
    """The verdict once it holds: what was closed last is still on its way to the ledger and the reports."""
    said = running.tool("paper", "audit")
    return said.stdout if said.returncode == 0 else None


def test_a_home_on_a_taken_port_is_told_which_setting_moves_it(panel: MadePanel, tmp_path: Path) -> None:
    running = system(panel, tmp_path / "home")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", running.base + 3))
        taken.listen()
        said = running.tool("up", *running.arguments)
    assert said.returncode == 2
    assert f"port {running.base + 3} (postmortem) is taken" in said.stderr
    assert "ports.base" in said.stderr


def test_status_is_json_with_everything_down(tmp_path: Path) -> None:
    said = System(tmp_path / "home", []).tool("status", "--json", within=10)
    assert said.returncode == 0
    assert {service["ready"] for service in json.loads(said.stdout)["services"]} == {False}
