"""Find the trades that closed while nobody listened: the executor's ledger knows them all.

1. A loss that the index does not know is filed, published and only then noted: dying between any two repeats it.
2. An executor that is down or answers nonsense is waited for; it stops nothing.
"""

import sqlite3
from collections.abc import AsyncIterator, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import orjson
import structlog
from pydantic import ValidationError

from libs.common.bus import Bus
from libs.common.clock import Clock
from libs.common.contracts.message import message_id
from libs.common.contracts.trades import TradeClosed
from libs.common.errors import Poison, Transient
from libs.common.retry import backoff
from libs.common.units import DAY_MS, Instant
from services.postmortem.adapters.archive import Archive
from services.postmortem.adapters.index import Index, outcome_of, outcome_of_report
from services.postmortem.core.report import explain, is_loss, lesson_of

log = structlog.get_logger()

# Market: trades enter the ledger when their books are complete, not in order of closing, and in a fast replay a day of
# market passes in a minute of wall.
OVERLAP_MS: Final = 7 * DAY_MS
FIRST_WAIT_S: Final = 1.0
PAGE: Final = 100


class HomeToken(httpx.Auth):
    """The executor's bearer token: the given one, or the one that it made in the home, once it is there."""

    def __init__(self, given: str, file: Path) -> None:
        self._given, self._file = given, file

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        token = self._given or (self._file.read_text().strip() if self._file.exists() else "")
        if token:
            request.headers["Authorization"] = f"Bearer {token}"
        yield request


class ExecutorBooks:
    """The executor's `GET /v1/trades`, page by page."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def trades(self, since: Instant) -> AsyncIterator[TradeClosed]:
        """Yield every trade closed at or after `since` (market time). Raises Transient."""
        cursor: str | None = None
        while True:
            rows, cursor = await self._page(since, cursor)
            for row in rows:
                yield trade_from(row)
            if cursor is None:
                return

    async def _page(self, since: Instant, cursor: str | None) -> tuple[list[dict[str, object]], str | None]:
        asked = {"since": str(since), "limit": str(PAGE)} | ({} if cursor is None else {"cursor": cursor})
        try:
            answer = await self._client.get("/v1/trades", params=asked)
            answer.raise_for_status()
            body = orjson.loads(answer.content)
            return list(body["items"]), None if body["next"] is None else str(body["next"])
        except (httpx.HTTPError, orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise Transient(f"trades not read from the executor: {error!r}") from error


def trade_from(row: dict[str, object]) -> TradeClosed:
    """Read one trade; its envelope is derived as the executor derives it where the row has none. Raises Transient."""
    try:
        envelope = {"id": message_id(TradeClosed, str(row["trade_id"])), "cause": row["trade_id"], "trace": ""}
        known = {name: value for name, value in row.items() if name in TradeClosed.model_fields}
        return TradeClosed.model_validate_json(orjson.dumps({**envelope, "at": row["closed_at"], **known}))
    except (KeyError, ValidationError) as error:
        raise Transient(f"the executor told of a trade that cannot be read: {error}") from error


@dataclass(frozen=True, slots=True)
class Backfill:
    books: ExecutorBooks
    archive: Archive
    index: Index
    bus: Bus
    clock: Clock
    every_s: float  # wall

    async def run(self) -> None:
        """Look at the ledger now and every so often, for ever: at first at all of it, then at what is new."""
        since = Instant(0)
        waits = backoff(first=FIRST_WAIT_S, ceiling=self.every_s)
        while True:
            newest = self.index.newest() or Instant(0)
            try:
                found = await self.catch_up(since)
            except (Transient, OSError, sqlite3.Error) as error:
                log.warning("backfill.postponed", reason=str(error))
                await self.clock.sleep(next(waits))
                continue
            if found:
                log.info("backfill.done", trades=found)
            since = Instant(max(0, newest - OVERLAP_MS))  # what was known before the look: nothing older was missed
            waits = backoff(first=FIRST_WAIT_S, ceiling=self.every_s)
            await self.clock.sleep(self.every_s)

    async def catch_up(self, since: Instant) -> int:
        """Deal with every trade since then that the index does not know; return how many. Raises Transient, OSError."""
        found = 0
        async for trade in self.books.trades(since):
            if not self.index.knows(trade.trade_id):
                found += await self._deal_with(trade)
        return found

    async def _deal_with(self, trade: TradeClosed) -> int:
        if not is_loss(trade):
            self.index.enter(outcome_of(trade))
            return 1
        try:
            report = explain(trade)
        except Poison as error:
            log.error("report.impossible", trade=trade.trade_id, reason=str(error))
            return 0
        self.archive.write(report)
        await self.bus.publish(report, lesson_of(report))
        self.index.enter(outcome_of_report(report))
        return 1
