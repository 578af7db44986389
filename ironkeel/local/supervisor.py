"""supervisord, started in a session of its own and spoken to over its socket in the home."""

import os
import signal
import subprocess
import sys
import xmlrpc.client
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from supervisor.xmlrpc import SupervisorTransport

from ironkeel.local.home import Home, Instance, is_alive
from ironkeel.local.programs import Program, service_of
from ironkeel.local.supervisor_config import render, secrets_of
from libs.common.clock import Clock
from libs.common.settings import PREFIX

STOP_S: Final = 9.0  # services 4 s, exchange 2 s, Redis 2 s, and a second for supervisord itself
LIFELINE: Final = "lifeline"


@dataclass(frozen=True, slots=True)
class ProgramState:
    """What supervisord says of one program: STARTING, RUNNING, BACKOFF, STOPPING, STOPPED, EXITED, FATAL."""

    name: str
    state: str
    pid: int | None


def start(home: Home, programs: Sequence[Program], *, root: Path) -> subprocess.Popen[bytes]:
    """Write the configuration and start supervisord, out of reach of Ctrl-C; secrets go through its environment."""
    config = home.run / "supervisord.conf"
    config.touch(mode=0o600)
    config.chmod(0o600)
    config.write_text(render(home, programs, root=root), "utf-8")
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(PREFIX)}
    with (home.logs / "supervisord.out").open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "supervisor.supervisord", "-c", str(config)],
            env={**inherited, **secrets_of(programs)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def states(home: Home) -> Mapping[str, ProgramState]:
    """Every program by name; {} when no supervisord answers in this home."""
    told: Any = _asked(home, "getAllProcessInfo") or []
    rows = (ProgramState(row["name"], row["statename"], row["pid"] or None) for row in told)
    return {row.name: row for row in rows if row.name != LIFELINE}


def pid_of(home: Home) -> int | None:
    """The supervisord that answers in this home."""
    told: Any = _asked(home, "getPID")
    return int(told) if told else None


def _asked(home: Home, method: str) -> object:
    if not home.control_socket.exists():
        return None
    transport = SupervisorTransport(None, None, f"unix://{home.control_socket}")
    try:
        return getattr(xmlrpc.client.ServerProxy("http://localhost", transport).supervisor, method)()
    except (OSError, xmlrpc.client.Error):
        return None


async def stop(home: Home, pid: int, clock: Clock, *, within: float = STOP_S) -> bool:
    """Stop everything in order; True if it went by itself, False if the rest had to be killed."""
    living = [state.pid for state in states(home).values() if state.pid]
    _signal(pid, signal.SIGTERM)
    if await _gone(pid, clock, within):
        return True
    for each in [pid, *living]:
        _signal(each, signal.SIGKILL)
    return False


async def _gone(pid: int, clock: Clock, within: float) -> bool:
    deadline = clock.monotonic_ms() + within * 1_000
    while clock.monotonic_ms() < deadline:
        if _reaped(pid) or not is_alive(pid):
            return True
        await clock.sleep(0.05)
    return False


def _reaped(pid: int) -> bool:
    """Collect our own child; a supervisord that another `up` left behind is not ours."""
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return False


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


async def stop_survivors(home: Home, clock: Clock) -> Sequence[str]:
    """End what a killed supervisord left behind, named in `<home>/run`: it would hold the ports."""
    left = [instance for instance in home.instances() if is_ours(instance)]
    for number in (signal.SIGTERM, signal.SIGKILL):
        for instance in left:
            if is_alive(instance.pid):
                _signal(instance.pid, number)
        for instance in left:
            await _gone(instance.pid, clock, 5)
    return [instance.name for instance in left]


def is_ours(instance: Instance) -> bool:
    """A registration outlives a crash and the kernel reuses pids: look at what the process runs."""
    asked = subprocess.run(
        ["ps", "-o", "command=", "-p", str(instance.pid)], capture_output=True, text=True, check=False
    )
    return f"services.{service_of(instance.name)}.main" in asked.stdout
