"""The symbols that were chosen once: every fetcher of a home, also a later one, shares the same universe.

`top:N` by turnover would answer differently every time it is asked; a file decides it for all.
"""

import os
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path

import orjson

from libs.common.units import Symbol


def settle(path: Path, wish: str, chosen: Sequence[Symbol], listed: Collection[Symbol]) -> tuple[Symbol, ...]:
    """Return what was chosen first for `wish`; without such a choice, record and return `chosen`.

    A symbol that is not listed any more is left out. Several processes may ask at once: one of them decides.
    """
    earlier = _read(path, wish)
    if earlier is None:
        new = path.with_suffix(f".{os.getpid()}")
        new.parent.mkdir(parents=True, exist_ok=True)
        new.write_bytes(orjson.dumps({"wish": wish, "symbols": list(chosen)}))
        if path.exists():  # of another wish
            new.replace(path)
        else:
            with suppress(FileExistsError):
                os.link(new, path)
            new.unlink()
        earlier = _read(path, wish) or tuple(chosen)
    return tuple(symbol for symbol in earlier if symbol in listed)


def _read(path: Path, wish: str) -> tuple[Symbol, ...] | None:
    try:
        said = orjson.loads(path.read_bytes())
    except (FileNotFoundError, orjson.JSONDecodeError):
        return None
    return tuple(Symbol(symbol) for symbol in said["symbols"]) if said["wish"] == wish else None
