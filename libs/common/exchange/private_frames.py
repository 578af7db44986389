"""From the frames of the private stream to events; what cannot be read is told, and REST catches it up."""

from collections.abc import Iterator
from typing import Final

import structlog

from libs.common.errors import Transient
from libs.common.exchange import bybit_rows as rows
from libs.common.exchange.bybit_reads import parsed
from libs.common.exchange.bybit_rows import Row
from libs.common.exchange.trading_types import (
    ExecutionFrame,
    OrderFrame,
    PositionFrame,
    PrivateEvent,
    WalletFrame,
)
from libs.common.units import Instant, Symbol

log = structlog.get_logger()

PRIVATE_TOPICS: Final = ("order", "execution", "position", "wallet")


def private_events(frame: Row) -> Iterator[PrivateEvent]:
    """Yield one event for each row of a frame, in order."""
    for row in frame["data"]:
        if row.get("category", "linear") != "linear":
            continue
        try:
            event = parsed(lambda row: _event(frame, row), row)
        except Transient as error:
            log.warning("frame.unreadable", topic=frame["topic"], reason=str(error))
            continue
        if event is not None:
            yield event


def _event(frame: Row, row: Row) -> PrivateEvent | None:
    at = Instant(int(frame["creationTime"]))
    match frame["topic"].partition(".")[0]:
        case "order":
            return OrderFrame(rows.order(row), at)
        case "execution":
            return _execution(row, at)
        case "position":
            return PositionFrame(Symbol(row["symbol"]), rows.position(row), at)
        case "wallet":
            return WalletFrame(rows.wallet(row), at)
        case _:
            return None


def _execution(row: Row, at: Instant) -> ExecutionFrame | None:
    execution = rows.execution(row)
    if execution is None:
        log.error("execution.skipped", kind=row["execType"], exec_id=row["execId"])
        return None
    return ExecutionFrame(execution, at)
