"""The books of a run as a document that two runs can be compared by: what was decided and what came of it.

1. Nothing of the wall is in it: the same decisions and fills give the same bytes, whenever and however fast they ran.
2. Lists keep the order in which things happened, or in which the ledger lists them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from typing import Final

import orjson

from ironkeel.local.programs import PAPER_EXCHANGE
from ironkeel.local.rest import Json, Rest
from libs.common.errors import Transient

# Requests are no part of it: one that is asked again because a wire was cut changes nothing.
AUDITED: Final = ("orders", "fills", "funding", "positions", "wallet", "open")
EXECUTOR: Final[Mapping[str, str]] = {"trades": "/v1/trades", "intents": "/v1/intents", "declined": "/v1/declined"}
# Wall times, and counts of what was done again after a crash.
OF_THE_WALL: Final = frozenset({"wall", "sent_at", "touched_at", "looks", "sent", "source"})
UP: Final = "is the system up? (`ironkeel status`)"
NUMBERED: Final = frozenset({"id"})  # in `declined`, a row's number


@dataclass(frozen=True, slots=True)
class RunBooks:
    """`document` is JSON with sorted keys; the counts and the result are for a person's eye."""

    document: bytes
    fills: int
    trades: int
    pnl: Decimal

    @property
    def digest(self) -> str:
        """SHA-256 of the document."""
        return sha256(self.document).hexdigest()


def books_of(audit: Json, listed: Mapping[str, Sequence[Json]], reports: Sequence[Json]) -> RunBooks:
    """Put together the exchange's audit, the executor's lists and the reports on losses."""
    told = {
        "exchange": {name: _timeless(audit[name]) for name in AUDITED},
        "executor": {name: [_row(name, row) for row in rows] for name, rows in listed.items()},
        "postmortems": [_timeless(row) for row in reports],
    }
    document = orjson.dumps(told, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)
    trades = listed["trades"]
    pnl = sum((Decimal(trade["pnl_usd"]) for trade in trades), Decimal(0))
    return RunBooks(document, fills=len(audit["fills"]), trades=len(trades), pnl=pnl)


async def read_books(rest: Rest) -> RunBooks:
    """Ask the running system. Raises Transient when one of the three does not answer."""
    audit = await rest.get(PAPER_EXCHANGE, "/paper/v1/audit")
    reports = await rest.items("postmortem", "/v1/postmortems")
    listed = {name: await rest.items("executor", path) for name, path in EXECUTOR.items()}
    if audit is None or reports is None:
        raise Transient(f"{PAPER_EXCHANGE if audit is None else 'postmortem'} does not answer: {UP}")
    whole = {name: rows for name, rows in listed.items() if rows is not None}
    if len(whole) < len(EXECUTOR):
        raise Transient(f"executor does not answer: {UP}")
    return books_of(audit, whole, reports)


def _row(name: str, row: Json) -> Json:
    dropped = NUMBERED if name == "declined" else frozenset()
    return {key: value for key, value in row.items() if key not in OF_THE_WALL | dropped}


def _timeless(told: Json | Sequence[Json]) -> object:
    if isinstance(told, dict):
        return {key: value for key, value in told.items() if key not in OF_THE_WALL}
    return [_timeless(row) for row in told]
