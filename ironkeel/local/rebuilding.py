"""A lost ledger is read off the venue by a process of its own, when no executor runs."""

import os
import subprocess
import sys

import orjson

from ironkeel.local.home import Home
from ironkeel.local.programs import environment
from ironkeel.local.rest import Json
from libs.common.errors import Misconfigured, Transient
from libs.common.process import MISCONFIGURED
from libs.common.settings import PREFIX, Settings

COMMAND = (sys.executable, "-m", "services.executor.rebuild")


def rebuild_without_executor(home: Home, settings: Settings) -> Json:
    """Return what is in the ledger now. Raises Misconfigured for wrong settings, Transient if the venue is away."""
    if not home.path.is_dir():
        raise Misconfigured(f"service.home = {home.path}: no such folder; give the system's own with --home")
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(PREFIX)}
    told = {**inherited, **environment(settings, "executor", "executor-rebuild")}
    ended = subprocess.run(COMMAND, env=told, capture_output=True, check=False)
    if ended.returncode == 0:
        found: Json = orjson.loads(ended.stdout)
        return found
    why = reason(ended.stderr.decode("utf-8", "replace"))
    if ended.returncode == MISCONFIGURED:
        raise Misconfigured(why)
    raise Transient(
        f"no executor runs, and the ledger could not be rebuilt without one: {why}; it needs the venue and its keys, "
        "and an executor that starts does it by itself"
    )


def reason(said: str) -> str:
    """The last thing that a process said, in words."""
    last = said.strip().rpartition("\n")[2]
    try:
        event = orjson.loads(last)
    except orjson.JSONDecodeError:
        return last
    return str(event.get("reason", last)) if isinstance(event, dict) else last
