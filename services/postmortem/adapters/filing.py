"""Make what was decided of a trade durable before it is published and acknowledged."""

import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, Protocol

import structlog

from libs.common.clock import Clock
from libs.common.contracts.message import Message
from libs.common.contracts.postmortems import PostmortemWritten
from libs.common.contracts.trades import TradeClosed
from libs.common.errors import Poison
from libs.common.retry import backoff
from services.postmortem.adapters.archive import Archive
from services.postmortem.adapters.index import Index, outcome_of, outcome_of_report

log = structlog.get_logger()

TRIES: Final = 5
FIRST_WAIT_S: Final = 0.1
LONGEST_WAIT_S: Final = 1.0


class Desk(Protocol):
    def taken(self) -> Sequence[TradeClosed]:
        """Give the trades decided on since the last call."""
        ...


class Filing:
    """A disk that refuses is asked a few times; then the trade is given up loudly, and back-filled later."""

    def __init__(self, archive: Archive, index: Index, desk: Desk, *, clock: Clock) -> None:
        self._archive = archive
        self._index = index
        self._desk = desk
        self._clock = clock

    async def keep(self, decisions: Sequence[Message]) -> None:
        """File the report of a loss, or the record of a winner. Raises Poison when the disk keeps refusing."""
        reports = [decision for decision in decisions if isinstance(decision, PostmortemWritten)]
        for report in reports:
            await self._insist(partial(self.file, report), report.trade_id)
        lost = {report.trade_id for report in reports}
        for trade in self._desk.taken():
            if trade.trade_id not in lost:
                await self._insist(partial(self._index.enter, outcome_of(trade)), trade.trade_id)

    def file(self, report: PostmortemWritten) -> None:
        """Write the report and note it in the index. Raises OSError or sqlite3.Error."""
        if self._archive.write(report):
            log.info(
                "report.written",
                trade=report.trade_id,
                category=report.category,
                severity=report.severity,
                pnl_usd=str(report.pnl_usd),
            )
        self._index.enter(outcome_of_report(report))

    async def _insist(self, file: Callable[[], None], trade_id: str) -> None:
        waits = backoff(first=FIRST_WAIT_S, ceiling=LONGEST_WAIT_S)
        for tries_left in reversed(range(TRIES)):
            try:
                file()
            except (OSError, sqlite3.Error) as error:
                if not tries_left:
                    raise Poison(f"trade {trade_id} cannot be filed: {error}") from error
                log.warning("filing.refused", trade=trade_id, reason=str(error), tries_left=tries_left)
                await self._clock.sleep(next(waits))
            else:
                return
