"""supervisord's configuration for one home: restart what dies, for ever; stop services, then exchange, then Redis.

A process that lived longer than START_S is started again at once; one that dies sooner is started after 1, 2 and
3 seconds, then the lifeline begins that row again: the back-off is capped and never gives up.

Secrets are not in the file: supervisord holds them in its environment, where the file names them for the programs that
may know them and empties them for all others, because children inherit everything that is not overridden.
"""

import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from ironkeel.local.home import Home, lock_file
from ironkeel.local.programs import Program
from libs.common.errors import Misconfigured

START_S: Final = 3
RETRIES: Final = 3
LOG_BYTES: Final = "20MB"
LOG_BACKUPS: Final = 3

# supervisord stops groups one after another, the highest priority first, and SIGKILLs what takes longer.
PRIORITY: Final[Mapping[str, int]] = {"store": 10, "exchange": 20, "services": 30}
STOP_WAIT_S: Final[Mapping[str, int]] = {"store": 2, "exchange": 2, "services": 4}


def render(home: Home, programs: Sequence[Program], *, root: Path) -> str:
    """The whole file; `root` is where `python -m services…` finds the code."""
    groups = {
        group: [program for program in programs if program.group == group]
        for group in PRIORITY
        if any(program.group == group for program in programs)
    }
    hidden = {name: "" for name in secrets_of(programs)}
    parts = [_daemon(home), _lifeline(home, root, hidden)]
    parts += [_program(home, program, root, hidden) for program in programs]
    parts += [_section(f"group:{group}", {"programs": ",".join(p.name for p in members), "priority": PRIORITY[group]})
              for group, members in groups.items()]  # fmt: skip
    return "\n".join(parts)


def secrets_of(programs: Sequence[Program]) -> Mapping[str, str]:
    """What supervisord must hold in its environment for `programs`."""
    return {name: value for program in programs for name, value in program.secrets.items()}


def _daemon(home: Home) -> str:
    return "\n".join(
        [
            _section(
                "supervisord",
                {
                    "nodaemon": "true",
                    "silent": "true",
                    "logfile": home.logs / "supervisord.log",
                    "logfile_maxbytes": LOG_BYTES,
                    "logfile_backups": LOG_BACKUPS,
                    "loglevel": "info",
                    "pidfile": home.run / "supervisord.pid",
                    "childlogdir": home.logs,
                    "nocleanup": "true",
                },
            ),
            _section("unix_http_server", {"file": home.control_socket, "chmod": "0600"}),
            _section(
                "rpcinterface:supervisor",
                {"supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"},
            ),
        ]
    )


def _lifeline(home: Home, root: Path, hidden: Mapping[str, str]) -> str:
    command = [sys.executable, "-m", "ironkeel.local.lifeline", str(lock_file(home))]
    return _section(
        "eventlistener:lifeline",
        {
            "command": shlex.join(command),
            "directory": root,
            "environment": _environment(hidden, frozenset()),
            "events": "TICK_5,PROCESS_STATE_FATAL",
            "priority": 1,
            "startretries": 1_000_000,
            "stderr_logfile": home.logs / "lifeline.log",
            "stderr_logfile_maxbytes": LOG_BYTES,
            "stderr_logfile_backups": LOG_BACKUPS,
        },
    )


def _program(home: Home, program: Program, root: Path, hidden: Mapping[str, str]) -> str:
    return _section(
        f"program:{program.name}",
        {
            "command": shlex.join(program.command),
            "directory": root,
            "environment": _environment({**hidden, **program.environment}, program.secret),
            "autorestart": "true",
            "startsecs": START_S,
            "startretries": RETRIES,
            "stopsignal": "TERM",
            "stopwaitsecs": STOP_WAIT_S[program.group],
            "stopasgroup": "true",
            "killasgroup": "true",
            "redirect_stderr": "true",
            "stdout_logfile": home.logs / f"{program.name}.log",
            "stdout_logfile_maxbytes": LOG_BYTES,
            "stdout_logfile_backups": LOG_BACKUPS,
        },
    )


def _section(name: str, options: Mapping[str, object]) -> str:
    lines = [f"{key} = {value if key == 'environment' else _escaped(str(value))}" for key, value in options.items()]
    return "\n".join([f"[{name}]", *(line for line in lines if not line.endswith(" = ")), ""])


def _escaped(text: str) -> str:
    return text.replace("%", "%%")


def _environment(values: Mapping[str, str], secret: frozenset[str]) -> str:
    """Every value in quotes that it does not contain; a secret one as a name that supervisord looks up."""
    told = []
    for key, value in values.items():
        quote = _quote(key, value)
        written = f"%(ENV_{key})s" if key in secret else _escaped(value)
        told.append(f"{key}={quote}{written}{quote}")
    return ",".join(told)


def _quote(key: str, value: str) -> str:
    """The quotes in which supervisord reads a value back unchanged: it knows no escapes and strips them at the ends."""
    for quote in ('"', "'"):
        if quote not in value and "\n" not in value and value == value.strip("\"'"):
            return quote
    raise Misconfigured(f"{key}: a value with a line break, quotes of both kinds or at its ends cannot be handed on")
