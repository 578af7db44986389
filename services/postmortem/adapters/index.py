"""A table of every closed trade and its report's verdict, for queries and statistics.

1. It can be lost: reports are read from their files again, winners from the executor's ledger.
2. A trade in the table was dealt with: a loss in it has its report on disk.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final

import structlog

from libs.common.contracts.postmortems import Category, PostmortemWritten, Severity
from libs.common.contracts.trades import TradeClosed
from libs.common.units import Instant, Symbol, Usd
from services.postmortem.adapters.archive import Archive
from services.postmortem.core.statistics import Outcome

log = structlog.get_logger()

FILE: Final = "index.db"
BUSY_S: Final = 5.0  # another replica's write is waited for
SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS outcomes (
    trade_id TEXT PRIMARY KEY,
    symbol TEXT NOT NULL,
    pnl_usd TEXT NOT NULL,
    closed_at INTEGER NOT NULL,
    category TEXT,
    severity TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS by_time ON outcomes (closed_at, trade_id);
"""
ENTER: Final = """
INSERT OR REPLACE INTO outcomes (trade_id, symbol, pnl_usd, closed_at, category, severity) VALUES (?, ?, ?, ?, ?, ?)
"""
EVERY: Final = """
SELECT trade_id, symbol, pnl_usd, closed_at, category, severity FROM outcomes ORDER BY closed_at, trade_id
"""
REPORTED: Final = """
SELECT trade_id, symbol, pnl_usd, closed_at, category, severity FROM outcomes
WHERE category IS NOT NULL
  AND (:symbol IS NULL OR symbol = :symbol)
  AND (:category IS NULL OR category = :category)
  AND (:severity IS NULL OR severity = :severity)
  AND (:since IS NULL OR closed_at >= :since)
  AND (:until IS NULL OR closed_at < :until)
  AND (:before_at IS NULL OR (closed_at, trade_id) < (:before_at, :before_id))
ORDER BY closed_at DESC, trade_id DESC
LIMIT :limit
"""
Row = tuple[str, str, str, int, str | None, str | None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which reports: None does not filter. `before` is the place in the list that the last page ended at."""

    symbol: str | None = None
    category: Category | None = None
    severity: Severity | None = None
    since: int | None = None  # closed at or after, market ms
    until: int | None = None  # closed before, market ms
    before: tuple[int, str] | None = None
    limit: int = 100


class Index:
    """One connection; every statement is its own transaction."""

    def __init__(self, folder: Path) -> None:
        self._rows = sqlite3.connect(folder / FILE, timeout=BUSY_S, isolation_level=None)
        self._rows.execute("PRAGMA journal_mode = WAL")
        self._rows.executescript(SCHEMA)

    def close(self) -> None:
        self._rows.close()

    def enter(self, outcome: Outcome) -> None:
        """Note a trade as dealt with; noting it again changes nothing."""
        self._rows.execute(
            ENTER,
            (
                outcome.trade_id,
                outcome.symbol,
                str(outcome.pnl_usd),
                outcome.closed_at,
                outcome.category,
                outcome.severity,
            ),
        )

    def knows(self, trade_id: str) -> bool:
        return self._rows.execute("SELECT 1 FROM outcomes WHERE trade_id = ?", (trade_id,)).fetchone() is not None

    def newest(self) -> Instant | None:
        """When the newest known trade closed, market time."""
        (at,) = self._rows.execute("SELECT max(closed_at) FROM outcomes").fetchone()
        return None if at is None else Instant(at)

    def outcomes(self) -> Sequence[Outcome]:
        """Return every trade, oldest first."""
        return [_outcome(row) for row in self._rows.execute(EVERY)]

    def reported(self, wanted: Wanted) -> Sequence[Outcome]:
        """Return the trades with a report that are wanted, newest first."""
        before_at, before_id = wanted.before or (None, None)
        values = {
            "symbol": wanted.symbol,
            "category": wanted.category,
            "severity": wanted.severity,
            "since": wanted.since,
            "until": wanted.until,
            "before_at": before_at,
            "before_id": before_id,
            "limit": wanted.limit,
        }
        return [_outcome(row) for row in self._rows.execute(REPORTED, values)]


def open_index(archive: Archive) -> Index:
    """Open the table beside the reports, rebuilt from them where it is lost, broken or empty."""
    try:
        index = Index(archive.folder)
        index.newest()
    except sqlite3.DatabaseError as error:
        log.error("index.discarded", reason=str(error))
        for leftover in archive.folder.glob(f"{FILE}*"):
            leftover.unlink()
        index = Index(archive.folder)
    if index.newest() is None:
        for report in archive.reports():
            index.enter(outcome_of_report(report))
    return index


def outcome_of(trade: TradeClosed) -> Outcome:
    """The record of a trade without a report."""
    return Outcome(trade.trade_id, trade.symbol, trade.pnl_usd, trade.closed_at)


def outcome_of_report(report: PostmortemWritten) -> Outcome:
    """The record of a losing trade."""
    return Outcome(report.trade_id, report.symbol, report.pnl_usd, report.closed_at, report.category, report.severity)


def _outcome(row: Row) -> Outcome:
    trade_id, symbol, pnl_usd, closed_at, category, severity = row
    return Outcome(
        trade_id,
        Symbol(symbol),
        Usd(Decimal(pnl_usd)),
        Instant(closed_at),
        None if category is None else Category(category),
        None if severity is None else Severity(severity),
    )
