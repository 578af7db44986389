"""Somebody who trades one position on the paper exchange, through the executor's own adapter."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any, Final

from libs.common.clock import SystemClock
from libs.common.exchange.ccxt_trading import CcxtTrading
from libs.common.exchange.trading_types import Action, OrderRequest, Outcome, Stamp
from libs.common.ids import OrderLinkId
from libs.common.units import Instant, Price, Qty, Symbol, floor_to
from tests.support.paper_venue import KEY, SECRET, PaperVenue, paper_venue

BTC: Final = Symbol("BTCUSDT")
ENTRY: Final = OrderLinkId("ika-BTCUSDT-1abc-e")
EXIT: Final = OrderLinkId("ika-BTCUSDT-1abc-x1")
SIZE: Final = Qty(Decimal("0.002"))


@dataclass
class Trader:
    trading: CcxtTrading
    venue: PaperVenue

    def stamp(self, *, late_ms: int = 0) -> Stamp:
        return Stamp(Instant(SystemClock().now() - late_ms), 3_000)

    def stop(self, part: str = "0.95") -> Price:
        return Price(floor_to(self.venue.price(BTC) * Decimal(part), Decimal("0.1")))

    async def enters(self, *, link: OrderLinkId = ENTRY, late_ms: int = 0) -> Outcome:
        request = OrderRequest(BTC, Action.BUY, SIZE, link, False, self.stop())
        return await self.trading.create_order(request, self.stamp(late_ms=late_ms))

    async def exits(self) -> Outcome:
        return await self.trading.create_order(OrderRequest(BTC, Action.SELL, SIZE, EXIT, True, None), self.stamp())

    async def books(self) -> Any:
        """The exchange's own truth."""
        return await self.venue.audit()


@asynccontextmanager
async def trader_at(home: Path) -> AsyncIterator[Trader]:
    async with paper_venue(home) as venue:
        trading = CcxtTrading(venue.endpoint, SystemClock(), Random(1), key=KEY, secret=SECRET)
        await trading.server_time()
        yield Trader(trading, venue)
        await trading.close()
