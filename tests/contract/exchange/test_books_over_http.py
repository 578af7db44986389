"""The same orders, said to the pure core and said over HTTP to the served exchange, leave the same books."""

import asyncio
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, given, settings

from libs.common.errors import Refused
from libs.common.units import Instant
from services.paper_exchange.core.books.amounts import plain
from services.paper_exchange.core.books.books import Books
from services.paper_exchange.core.books.changes import Execution
from services.paper_exchange.core.books.moves import on_settlement
from services.paper_exchange.core.market.market import Settlement, Tick
from tests.support.bybit_signed import tell
from tests.support.order_flows import Act, flows, said, tick_of
from tests.support.paper_venue import PaperVenue, paper_venue
from tests.support.scripted_market import BTC, ScriptedMarket
from tests.support.trading_floor import Floor

SECOND_MS = 1_000


@dataclass
class Both:
    """One market; on it the core's books, and those of a served exchange."""

    ticks: list[Tick]
    funding: list[Settlement]
    floor: Floor
    venue: PaperVenue

    async def asks(self, one: Act) -> None:
        fields = said(self.floor, one)
        answer = await tell(self.venue.http, one.path, **fields)
        try:
            self.floor.asks(one.path, **fields)
        except Refused as refused:
            assert (answer["retCode"], answer["retMsg"]) == (refused.code, str(refused))
        else:
            assert answer["retCode"] == 0, answer

    async def ticks_on(self, one: Act) -> None:
        tick = tick_of(self.floor, one)
        self.ticks.append(tick)
        self.floor.ticks([tick])
        await self.venue.steps(SECOND_MS)

    async def settles(self, one: Act) -> None:
        at = Instant(self.floor.now.market + SECOND_MS)
        settlement = Settlement(at, BTC, Decimal(str(dict(one.fields)["rate"])))
        self.funding.append(settlement)
        self.floor.now = replace(self.floor.now, market=at)
        on_settlement(self.floor.books, settlement, self.floor.now)
        await self.venue.steps(SECOND_MS)


def state(books: Books) -> dict[str, Any]:
    """Everything that the books hold, but not what they have told."""
    return {
        "orders": books.open_orders(),
        "positions": {key: position for key, position in books.positions.items() if position.seq >= 0},
        "totals": books.totals,
        "account": books.account,
        "naked": set(books.naked),
        "last": books.last[BTC],
        "mark": books.mark[BTC],
    }


def fill(done: Execution) -> tuple[str, ...]:
    return (done.exec_id, done.order_id, done.action.value, *map(plain, (done.qty, done.price, done.fee, done.gross)))


async def play_both(flow: list[Act], home: Path) -> None:
    ticks: list[Tick] = []
    funding: list[Settlement] = []
    floor = Floor(ScriptedMarket(ticks, funding), balance="5000")
    async with paper_venue(home, ScriptedMarket(ticks, funding), balance="5000") as venue:
        both = Both(ticks, funding, floor, venue)
        acts = {"tick": both.ticks_on, "funding": both.settles}
        for one in flow:
            await acts.get(one.path, both.asks)(one)
        assert state(venue.world.books) == state(floor.books)
        audit: Any = await venue.audit()
        names = ("execId", "orderId", "side", "qty", "price", "fee", "grossPnl")
        told = [tuple(row[name] for name in names) for row in audit["fills"]]
        assert told == [fill(done) for done in floor.fills if done.order_kind is not None]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(flows)
def test_orders_over_http_leave_the_books_that_the_core_would_have(flow: list[Act]) -> None:
    with TemporaryDirectory() as home:
        asyncio.run(play_both(flow, Path(home)))
