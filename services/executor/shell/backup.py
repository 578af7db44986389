"""Snapshots of positions and session, for people: on change and once a day, beside every decision and before none.

The ledger is what the executor itself goes by; nothing is ever read back from here.
"""

import asyncio

import orjson
import structlog
from pydantic import JsonValue

from libs.common.clock import iso
from libs.common.units import Instant
from services.executor.adapters.backup_folder import BackupFolder
from services.executor.adapters.portfolio import Portfolio
from services.executor.core.backup import FOLDER, is_due, name_of, state_of
from services.executor.core.kept import PositionStatus
from services.executor.shell.desk import Desk

log = structlog.get_logger()


class Backup:
    """Keeps snapshots in `<home>/backup`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._portfolio = Portfolio(desk)
        self._folder = BackupFolder(desk.figures.home / FOLDER)

    async def look(self) -> None:
        """Take a snapshot if one is due; the disk is waited for in a thread, so that no exit waits for it.

        A disk that refuses is told and counted: trading goes on without snapshots.
        """
        desk = self._desk
        with desk.ledger.read() as pages:
            state = state_of(pages.positions(PositionStatus.OPEN), pages.sizes().trades)
        now = desk.clock.now()
        try:
            if is_due(await asyncio.to_thread(self._folder.newest), state, now):
                body = orjson.dumps(self.document(now), option=orjson.OPT_INDENT_2)
                await asyncio.to_thread(self._folder.keep, name_of(now, state), body, now=now)
        except OSError as error:
            desk.counts["backups_failed"] += 1
            log.error("backup.failed", reason=str(error))

    def document(self, now: Instant) -> dict[str, JsonValue]:
        """What is kept: the answers of `GET /v1/positions` and `GET /v1/session` at one moment."""
        desk = self._desk
        return {
            "taken_at": now,
            "taken": iso(now),
            "market_ms": desk.market.now(),
            "instance": desk.instance,
            "phase": desk.phase,
            **desk.identity,
            "positions": self._portfolio.positions(),
            "session": self._portfolio.session(),
        }
