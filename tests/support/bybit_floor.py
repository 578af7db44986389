"""The market of swings, served in the test's own process and moved by the test alone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

from libs.common.units import MINUTE_MS, Symbol
from services.paper_exchange.adapters.markets.replay import replay_market
from tests.support.bybit_swings import PERIOD_MS, SWINGS_START, until_a_rise, write_swings
from tests.support.paper_venue import PaperVenue, paper_venue

BTC = Symbol("BTCUSDT")


class Swings:
    """A venue whose price comes everywhere within one period."""

    def __init__(self, venue: PaperVenue) -> None:
        self.venue = venue
        self.endpoint = venue.endpoint
        self.http = venue.http

    def price(self, times: str = "1") -> Decimal:
        """The last price of BTCUSDT, or a multiple of it on the tick."""
        return (self.venue.price(BTC) * Decimal(times)).quantize(Decimal("0.1"))

    async def steps(self, ms: int = MINUTE_MS) -> None:
        await self.venue.steps(ms)

    async def rises(self) -> None:
        """Let the market swing until it is at 100,000 and will rise for an hour."""
        await self.steps(until_a_rise(self.venue.world.now))

    async def goes_to(self, price: Decimal) -> None:
        """Let the market swing until it has passed `price`."""
        above = self.price() > price
        for _ in range(PERIOD_MS // MINUTE_MS):
            await self.steps()
            if (self.price() > price) != above:
                return
        raise AssertionError(f"the market never came to {price}")


@asynccontextmanager
async def swinging_venue(home: Path, *, balance: str = "10000", limits: bool = False) -> AsyncIterator[Swings]:
    market = replay_market(write_swings(home / "swings"), symbols="top:2", start=SWINGS_START, end=None)
    async with paper_venue(home, market, balance=balance, limits=limits) as venue:
        yield Swings(venue)
