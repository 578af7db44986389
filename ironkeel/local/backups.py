"""Snapshots of positions and session in a home, read from disk: nothing of the system has to run."""

from collections.abc import Sequence

import orjson

from ironkeel.local.home import Home
from ironkeel.local.rest import Json
from libs.common.errors import Misconfigured, Transient
from services.executor.core.backup import FOLDER, Snapshot, parse


def snapshots(home: Home) -> Sequence[Snapshot]:
    """Every snapshot of a home, newest first. Raises Misconfigured where there is no home."""
    if not home.path.is_dir():
        raise Misconfigured(f"service.home = {home.path}: no such folder; give the system's own with --home")
    folder = home.path / FOLDER
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    return sorted(filter(None, map(parse, names)), key=lambda one: (one.at, one.name), reverse=True)


def read_snapshot(home: Home, name: str | None) -> Json:
    """The newest snapshot, or the one whose name begins with `name`. Raises Transient when there is none to show."""
    found = [one for one in snapshots(home) if name is None or one.name.startswith(name)]
    if not found:
        raise Transient(f"no snapshot {f'called {name}' if name else 'yet'} in {home.path / FOLDER}")
    if name is not None and len(found) > 1:
        raise Transient(f"{name} begins the names of {len(found)} snapshots: see `ironkeel backup list`")
    path = home.path / FOLDER / found[0].name
    try:
        told = orjson.loads(path.read_bytes())
        return {"name": path.name, "positions": told["positions"], "session": told["session"], **told}
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise Transient(f"{path} is no snapshot: {error!r}") from error
