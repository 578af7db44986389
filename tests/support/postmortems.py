"""A post-mortem service's stores on a temporary folder, and an executor that answers as it is told."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from libs.common.bus import Bus
from libs.common.clock import Clock
from libs.common.contracts.trades import TradeClosed
from services.postmortem.adapters.archive import Archive
from services.postmortem.adapters.backfill import Backfill, ExecutorBooks
from services.postmortem.adapters.filing import Filing
from services.postmortem.adapters.index import Index, open_index
from services.postmortem.service import Postmortem

Answer = Callable[[httpx.Request], httpx.Response]


@dataclass
class Office:
    archive: Archive
    index: Index
    desk: Postmortem
    filing: Filing
    clock: Clock

    @property
    def filed(self) -> list[str]:
        """Ids of the trades that have a report on disk."""
        return [report.trade_id for report in self.archive.reports()]


def open_office(folder: Path, clock: Clock) -> Office:
    archive = Archive(folder)
    index, desk = open_index(archive), Postmortem()
    return Office(archive, index, desk, Filing(archive, index, desk, clock=clock), clock)


def backfill_of(office: Office, bus: Bus, answer: Answer, *, every_s: float = 60) -> Backfill:
    client = httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://executor")
    return Backfill(ExecutorBooks(client), office.archive, office.index, bus, office.clock, every_s)


class ExecutorRest:
    """Answers `GET /v1/trades` in pages of two; with `down` it answers nothing."""

    def __init__(self, trades: Sequence[TradeClosed], *, envelope: bool = True) -> None:
        self.trades = list(trades)
        self.envelope = envelope
        self.down = False
        self.asked: list[int] = []  # `since` of the first page of each look

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if self.down:
            raise httpx.ConnectError("nobody listens", request=request)
        since, start = int(request.url.params["since"]), int(request.url.params.get("cursor", "0"))
        if not start:
            self.asked.append(since)
        rows = [trade for trade in self.trades if trade.closed_at >= since]
        more = str(start + 2) if len(rows) > start + 2 else None
        return httpx.Response(200, json={"items": [self._row(t) for t in rows[start : start + 2]], "next": more})

    def _row(self, trade: TradeClosed) -> dict[str, object]:
        hidden = set() if self.envelope else {"id", "cause", "trace", "at", "sent", "source"}
        return trade.model_dump(mode="json", exclude=hidden)
