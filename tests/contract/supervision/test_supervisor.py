"""What supervisord, as we configure it, does with real processes that die, refuse to stop, or lose their owner."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from ironkeel.local import supervisor
from ironkeel.local.home import Home, is_alive, lock_file, open_home, sole_owner
from ironkeel.local.lifeline import is_orphaned
from ironkeel.local.programs import Program, programs
from libs.common.clock import SystemClock
from libs.common.settings import load
from tests.support.system import ROOT, until

LIVES = "import signal, time; signal.signal(signal.SIGTERM, lambda *_: exit(0)); time.sleep(600)"
Daemons = list["subprocess.Popen[bytes]"]


def program(name: str, group: str, story: str = LIVES) -> Program:
    return Program(name, group, (sys.executable, "-S", "-c", story), {"GREETING": "50% 'off' today"})


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = open_home(tmp_path / "home")
    home.make()
    return home


@pytest.fixture
def owned(home: Home) -> Iterator[Home]:
    """A home whose owner lives, as while `ironkeel up` runs."""
    with sole_owner(home):
        yield home


@pytest.fixture
def daemons() -> Iterator[Daemons]:
    """Every supervisord that a test starts; ended with its children when the test failed to."""
    started: Daemons = []
    yield started
    for each in started:
        if each.poll() is None:
            each.send_signal(signal.SIGTERM)
            each.wait(20)


def pid(home: Home, name: str) -> int | None:
    state = supervisor.states(home).get(name)
    return state.pid if state else None


def running(home: Home, name: str) -> int:
    return until(lambda: pid(home, name), within=15, what=f"a running {name}")


async def test_a_killed_process_comes_back_every_time(owned: Home, daemons: Daemons) -> None:
    daemons.append(supervisor.start(owned, [program("executor", "services")], root=ROOT))
    for _ in range(3):
        died = running(owned, "executor")
        os.kill(died, signal.SIGKILL)
        until(lambda died=died: (pid(owned, "executor") or died) != died, within=6, what="another executor")  # type: ignore[misc]
    assert await supervisor.stop(owned, daemons[0].pid, SystemClock())


async def test_what_supervisord_gives_up_is_started_again(owned: Home, daemons: Daemons, tmp_path: Path) -> None:
    tries = tmp_path / "tries"
    dies = f"open({str(tries)!r}, 'a').write('x'); exit(1)"
    daemons.append(supervisor.start(owned, [program("fetcher", "services", dies)], root=ROOT))
    # a row is four tries: the fifth is the lifeline's
    until(lambda: tries.exists() and len(tries.read_text()) >= 5, within=30, what="a fifth try")
    assert await supervisor.stop(owned, daemons[0].pid, SystemClock())


async def test_services_are_gone_before_the_exchange_and_the_exchange_before_redis(
    owned: Home, daemons: Daemons, tmp_path: Path
) -> None:
    order = tmp_path / "order"
    story = (
        f"import signal, time; go = lambda: (time.sleep(0.2), open({str(order)!r}, 'a').write('{{name}} '), exit(0)); "
        "signal.signal(signal.SIGTERM, lambda *_: go()); time.sleep(600)"
    )
    started = [
        program(name, group, story.format(name=name))
        for name, group in (("redis", "store"), ("paper_exchange", "exchange"), ("executor", "services"))
    ]
    daemons.append(supervisor.start(owned, started, root=ROOT))
    for each in started:
        running(owned, each.name)
    until(lambda: all(s.state == "RUNNING" for s in supervisor.states(owned).values()), within=15, what="all running")
    assert await supervisor.stop(owned, daemons[0].pid, SystemClock())
    assert order.read_text().split() == ["executor", "paper_exchange", "redis"]


async def test_a_process_that_will_not_stop_is_killed_in_time(owned: Home, daemons: Daemons) -> None:
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    daemons.append(supervisor.start(owned, [program("executor", "services", deaf)], root=ROOT))
    survivor = running(owned, "executor")
    until(lambda: supervisor.states(owned)["executor"].state == "RUNNING", within=15, what="a running executor")
    assert await supervisor.stop(owned, daemons[0].pid, SystemClock())
    assert not is_alive(survivor)


def test_a_system_whose_owner_was_killed_stops_by_itself(home: Home, daemons: Daemons) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", f"import fcntl, time\nf = open({str(lock_file(home))!r}, 'a')\n"
         "fcntl.flock(f, fcntl.LOCK_EX)\nprint('held', flush=True)\ntime.sleep(600)"],
        stdout=subprocess.PIPE,
    )  # fmt: skip
    assert owner.stdout is not None
    assert owner.stdout.readline() == b"held\n"
    daemons.append(supervisor.start(home, [program("executor", "services")], root=ROOT))
    child = running(home, "executor")
    assert not is_orphaned(lock_file(home))
    owner.kill()
    owner.wait()
    daemons[0].wait(20)  # the next tick is at most five seconds away
    assert not is_alive(child)
    assert is_orphaned(lock_file(home))


def test_children_live_in_another_session_and_see_their_own_environment(
    owned: Home, daemons: Daemons, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IRONKEEL_EXCHANGE__API_SECRET", "hunter2")
    story = "import os, time; print(os.environ['GREETING'], 'hunter2' in str(os.environ), flush=True); time.sleep(600)"
    daemons.append(supervisor.start(owned, [program("executor", "services", story)], root=ROOT))
    child = running(owned, "executor")
    assert os.getsid(child) != os.getsid(0)
    log = owned.logs / "executor.log"
    said = until(lambda: log.exists() and log.read_text(), within=10, what="a word of the child")
    assert said == "50% 'off' today False\n"


SECRETS = {
    "exchange.api_key": "venue-key-50%-'s",
    "exchange.api_secret": "%(here)s-venue-secret",
    "paper.api_key": "paper-key",
    "paper.api_secret": "paper,secret=1",
    "api.token": "api-token",
}
NEEDS_PROC = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="only Linux shows environments")


def environment_of(process: int) -> Mapping[str, str]:
    entries = Path(f"/proc/{process}/environ").read_bytes().decode().split("\0")
    return dict(entry.split("=", 1) for entry in entries if "=" in entry)


@NEEDS_PROC
def test_each_process_holds_its_own_secrets_and_no_file_holds_any(owned: Home, daemons: Daemons) -> None:
    lives = (sys.executable, "-S", "-c", LIVES)
    system = programs(load(SECRETS), scale={}, redis_command=lives)
    daemons.append(supervisor.start(owned, [replace(each, command=lives) for each in system], root=ROOT))
    until(lambda: {s.state for s in supervisor.states(owned).values()} == {"RUNNING"}, within=30, what="all running")
    held = {}
    for each in system:
        environment = environment_of(running(owned, each.name))
        held[each.name] = {key for key, word in SECRETS.items() if any(word in said for said in environment.values())}
    assert held == {
        "executor": {*SECRETS},
        "paper_exchange": {"paper.api_key", "paper.api_secret"},
        **{name: set() for name in ("redis", "fetcher", "predictor", "trailing", "postmortem")},
    }
    written = [path for path in owned.path.rglob("*") if path.is_file()]
    assert owned.run / "supervisord.conf" in written
    assert not [(path, word) for path in written for word in SECRETS.values() if word.encode() in path.read_bytes()]
