"""Two executors share a ledger in PostgreSQL: killed, and with its server restarted, they hold every promise."""

from functools import partial
from pathlib import Path

import pytest

from tests.e2e.test_whole_system import audit, holds
from tests.support.panels import make_panel
from tests.support.postgres import IN_URL, WORD, PostgresServer
from tests.support.system import System, until


@pytest.mark.timeout(400)
def test_two_executors_and_a_ledger_on_a_server_hold_every_promise(
    own_postgres: PostgresServer, tmp_path: Path
) -> None:
    panel = make_panel(tmp_path / "panel", days=8)
    market = ["--market", f"replay:{panel.directory}", "--from", "2025-09-18", "--speed", "600"]
    settings = {
        "IRONKEEL_PREDICTOR__RANDOM_RATE": "0.5",
        "IRONKEEL_EXECUTOR__LEDGER_URL": own_postgres.new_database(),
    }
    home = tmp_path / "home"
    running = System(home, [*market, "--policy", "random:1", "--scale", "executor=2"], settings)
    with running:
        running.wait_ready()
        until(lambda: running.items("/v1/trades"), within=90, what="a closed trade\n" + running.output()[-1000:])
        assert not (home / "ledger.db").exists()

        own_postgres.stop()
        own_postgres.start()
        died = running.kill("executor")
        until(lambda: running.pid("executor") not in (None, died), within=30, what="another executor")
        until(partial(running.get, "/health/ready"), within=60, what="a recovered executor")
        so_far = len(running.items("/v1/trades"))
        until(lambda: len(running.items("/v1/trades")) > so_far, within=90, what="a trade after all that")

        flat = running.tool("flatten", within=120)
        assert flat.returncode == 0, flat.stderr + running.output()[-2000:]
        until(lambda: holds(running), within=30, what="a verdict that holds\n" + audit(running))
        assert running.stop(within=15) == 0
    told = running.output() + "".join(log.read_text(errors="replace") for log in (home / "logs").iterdir())
    assert "executor-2" in told
    assert not [word for word in (WORD, IN_URL) if word in told]
