"""The ledger's engine, made before anything is forked: whoever is forked has its compiled statements.

Its file is named relative to the working directory: each process has a ledger of its own, where it stands.
"""

import os
from functools import cache
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, event

from services.executor.adapters.ledger import Ledger
from services.executor.adapters.store import migrate, open_store

FILE: Final = "ledger.db"


@cache
def _engine() -> Engine:
    engine = open_store(f"sqlite:///{FILE}")
    event.listen(engine, "do_connect", _look_here)
    return engine


def _look_here(_dialect: object, _record: object, cargs: list[object], _cparams: object) -> None:
    """The driver was given the folder of whoever made the engine."""
    cargs[0] = str(Path.cwd() / FILE)


def open_ledger(home: Path) -> Ledger:
    """Open and migrate the ledger of a home, and stay in that folder. Close it before another is opened."""
    os.chdir(home)
    engine = _engine()
    migrate(engine)
    return Ledger(engine)
