import json
import os
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ironkeel.cli.app import app
from ironkeel.cli.logs import appended
from ironkeel.cli.up import seconds, title
from ironkeel.local.home import RunningSystem, open_home
from libs.common.errors import Misconfigured
from libs.common.settings import load
from tests.support.panels import write_candles
from tests.support.system import free_port_base


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("IRONKEEL_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IRONKEEL_PORTS__BASE", str(free_port_base()))


def tool(*words: str) -> tuple[int, str]:
    said = CliRunner().invoke(app, list(words))
    return said.exit_code, said.output


def test_status_has_its_fixed_form_with_everything_down(tmp_path: Path) -> None:
    code, out = tool("status", "--json", "--home", str(tmp_path))
    told = json.loads(out)
    assert code == 0
    assert told.keys() == {"phase", "entries", "clock", "services"}
    assert (told["phase"], told["entries"], told["clock"]) == (None, None, None)
    names = [service["name"] for service in told["services"]]
    assert names == ["redis", "paper_exchange", "fetcher", "predictor", "executor", "trailing", "postmortem"]
    for service in told["services"]:
        assert service == {
            "name": service["name"], "pid": None, "port": None, "ready": False, "why": "down", "lag": None,
        }  # fmt: skip


def test_status_lists_the_replicas_of_the_system_that_was_started(tmp_path: Path) -> None:
    open_home(tmp_path).remember(RunningSystem(("redis", "fetcher", "fetcher-2"), {}, ""))
    _, out = tool("status", "--json", "--home", str(tmp_path))
    assert [service["name"] for service in json.loads(out)["services"]] == ["redis", "fetcher", "fetcher-2"]


@pytest.mark.parametrize(
    "words",
    [("positions",), ("resume",), ("close", "BTCUSDT"), ("recovery", "status"), ("recovery", "accept"),
     ("recovery", "clear"), ("recovery", "test"), ("recovery", "export"),
     ("postmortem", "list"), ("postmortem", "stats"), ("postmortem", "show", "x")],
)  # fmt: skip
def test_what_needs_a_running_system_says_so_and_exits_1(words: tuple[str, ...], tmp_path: Path) -> None:
    code, out = tool(*words, "--home", str(tmp_path))
    assert code == 1
    assert "does not answer" in out


def test_pause_without_an_executor_is_written_to_disk_and_resume_takes_it_away(tmp_path: Path) -> None:
    code, _ = tool("pause", "--reason", "dentist", "--home", str(tmp_path))
    assert code == 0
    assert (tmp_path / "HALT").read_text() == "paused\ncli: dentist\n"
    tool("resume", "--home", str(tmp_path))
    assert not (tmp_path / "HALT").exists()


class WithoutRedis(BaseHTTPRequestHandler):
    """An executor that lives and cannot publish a command."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(503)
        self.end_headers()
        self.wfile.write(b'{"detail": "not published: no answer within 5.0 s"}')

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def test_a_pause_reaches_the_disk_when_the_executor_lives_without_redis(tmp_path: Path) -> None:
    with HTTPServer(("127.0.0.1", int(os.environ["IRONKEEL_PORTS__BASE"])), WithoutRedis) as executor:
        answering = threading.Thread(target=executor.serve_forever, daemon=True)
        answering.start()
        code, out = tool("pause", "--reason", "dentist", "--home", str(tmp_path))
        executor.shutdown()
    assert code == 0, out
    assert (tmp_path / "HALT").read_text() == "paused\ncli: dentist\n"


def test_a_halt_without_executor_and_venue_is_on_disk_all_the_same(tmp_path: Path) -> None:
    code, out = tool("halt", "--home", str(tmp_path))
    assert code == 1  # the venue could not be asked
    assert "server time" in out
    assert (tmp_path / "HALT").read_text().startswith("halted\n")
    tool("resume", "--home", str(tmp_path))
    assert (tmp_path / "HALT").exists()  # only --halted clears more than a pause


@pytest.mark.parametrize("word", ["pause", "halt", "flatten", "detach"])
def test_a_home_that_is_none_is_named_and_exits_2(word: str, tmp_path: Path) -> None:
    code, out = tool(word, "--home", str(tmp_path / "typo"))
    assert code == 2
    assert "typo: no such folder" in out


def test_a_halt_file_of_garbage_does_not_stop_a_resume(tmp_path: Path) -> None:
    (tmp_path / "HALT").write_bytes(b"\xff\xfe")
    code, out = tool("resume", "--halted", "--home", str(tmp_path))
    assert code == 1
    assert "executor does not answer" in out


def test_a_disk_that_refuses_is_one_line_and_exits_1(tmp_path: Path) -> None:
    (tmp_path / "HALT.new").mkdir()
    code, out = tool("pause", "--home", str(tmp_path))
    assert (code, len(out.splitlines())) == (1, 1)
    assert "HALT.new" in out


def test_status_says_that_nothing_runs(tmp_path: Path) -> None:
    assert tool("status", "--home", str(tmp_path))[1].startswith("nothing is running here")


def test_a_wrong_configuration_is_told_whole_and_exits_2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IRONKEEL_RISK__LEVERAGE", "300")
    code, out = tool("up", "--speed", "fast", "--home", str(tmp_path / "h"))
    assert code == 2
    assert "risk.leverage" in out
    assert "paper.speed" in out
    assert not (tmp_path / "h").exists()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--market", "replay:/does/not/exist"), "no such folder"),
        (("--market", "casino"), "paper.market"),
        (("--for", "soon"), "--for soon"),
        (("--scale", "redis=2"), "--scale redis=2"),
        (("--from", "yesterday"), "paper.from"),
    ],
)
def test_up_refuses_what_it_cannot_start(words: tuple[str, ...], reason: str, tmp_path: Path) -> None:
    code, out = tool("up", *words, "--home", str(tmp_path / "h"))
    assert code == 2
    assert reason in out


def test_up_refuses_another_world_in_the_same_home(tmp_path: Path) -> None:
    home = open_home(tmp_path)
    home.world.write_text(json.dumps({"venue": "paper", "market": "replay:/x", "seed": 7, "from": ""}))
    code, out = tool("up", "--home", str(tmp_path))
    assert code == 2
    assert "market replay:/x" in out
    assert "market synthetic" in out


def test_config_masks_secrets_and_tells_origins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IRONKEEL_EXCHANGE__API_KEY", "hunter2")
    code, out = tool("config", "--json", "--home", str(tmp_path))
    told = json.loads(out)["settings"]
    assert code == 0
    assert told["exchange.api_key"] == {"value": "***", "origin": "env"}
    assert told["service.home"]["value"] == str(tmp_path)
    assert told["risk.leverage"]["origin"] == "default"
    assert "hunter2" not in out + tool("config", "--home", str(tmp_path))[1]


def test_doctor_finds_this_machine_fit(tmp_path: Path) -> None:
    code, out = tool("doctor", "--json", "--home", str(tmp_path))
    told = json.loads(out)
    assert [each["what"] for each in told["findings"]] == ["python", "home", "disk", "redis", "ports", "market"]
    assert code == (0 if told["ok"] else 1)
    assert all(each["ok"] for each in told["findings"] if each["what"] != "disk"), out


def test_doctor_names_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IRONKEEL_PAPER__MARKET", "replay:/does/not/exist")
    code, out = tool("doctor", "--home", str(tmp_path))
    assert code == 1
    assert "WRONG market: paper.market = replay:/does/not/exist: no such folder" in out


def test_logs_print_the_newest_lines_and_name_what_there_is(tmp_path: Path) -> None:
    home = open_home(tmp_path)
    home.make()
    (home.logs / "executor.log").write_text("".join(f"line {n}\n" for n in range(10)))
    assert tool("logs", "executor", "-n", "2", "--home", str(tmp_path)) == (0, "line 8\nline 9\n")
    code, out = tool("logs", "nobody", "--home", str(tmp_path))
    assert code == 2
    assert "executor" in out


def test_a_followed_log_goes_on_after_rotation(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_text("one\n")
    text, at = appended(path, 0)
    path.write_text("one\ntwo\n")
    assert (text, appended(path, at)[0]) == ("one\n", "two\n")
    path.write_text("new\n")
    assert appended(path, 8) == ("new\n", 4)
    path.unlink()
    assert appended(path, 4) == ("", 0)


def test_data_lists_candles_from_first_to_last(tmp_path: Path) -> None:
    write_candles(tmp_path / "BTCUSDT-15m.parquet", 0, 900_000, [(1.0, 2.0, 0.5, 1.5, 10.0)] * 3)
    code, out = tool("data", "list", str(tmp_path), "--json")
    assert code == 0
    assert json.loads(out)["items"] == [
        {
            "panel": tmp_path.name, "symbol": "BTCUSDT", "timeframe": "15m", "candles": 3,
            "first": "1970-01-01T00:00:00Z", "last": "1970-01-01T00:30:00Z", "missing": 0,
            "bytes": (tmp_path / "BTCUSDT-15m.parquet").stat().st_size, "fault": "",
        }
    ]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), [("90", 90), ("120s", 120), ("2m", 120), ("1h", 3600), ("500ms", 0.5)])
def test_durations_are_written_as_people_write_them(text: str, expected: float) -> None:
    assert seconds(text) == expected


def test_a_duration_without_meaning_is_refused() -> None:
    with pytest.raises(Misconfigured):
        seconds("-5s")


def test_what_is_not_real_is_said_in_the_title() -> None:
    assert "SYNTHETIC MARKET: not real data" in title(load())
    assert "DEMONSTRATION: random decisions" in title(load({"predictor.policy": "random:1"}))
    real = title(load({"exchange.venue": "bybit-demo"}))
    assert real == "Ironkeel on bybit-demo"


def test_the_version_is_told() -> None:
    code, out = tool("version")
    assert code == 0
    assert out.startswith("ironkeel ")


@pytest.mark.parametrize("words", [("config",), ("config", "--json"), ("status", "--json"), ("doctor",)])
def test_no_command_shows_the_password_of_a_ledger_on_a_server(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(
        "IRONKEEL_EXECUTOR__LEDGER_URL", "postgresql://keel:ledger-word@db.invalid/keel?password=two-word"
    )
    _, out = tool(*words, "--home", str(tmp_path))
    assert out
    assert not [word for word in ("ledger-word", "two-word") if word in out]
