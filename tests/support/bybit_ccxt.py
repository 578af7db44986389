"""A trader with ccxt's bybit class, as it comes, at a venue that swings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.support.bybit_clients import stock_ccxt
from tests.support.bybit_floor import Swings, swinging_venue

BTC: Final = "BTC/USDT:USDT"
ETH: Final = "ETH/USDT:USDT"


@dataclass
class CcxtTrader:
    bybit: Any
    swings: Swings

    async def places(
        self, kind: str, side: str, amount: float = 0.01, price: float | None = None, **params: Any
    ) -> str:
        made = await self.bybit.create_order(BTC, kind, side, amount, price, params)
        return str(made["id"])

    async def buys(self, amount: float = 0.01, **params: Any) -> str:
        return await self.places("market", "buy", amount, **params)

    async def sells(self, amount: float = 0.01, **params: Any) -> str:
        return await self.places("market", "sell", amount, **params)

    async def rests(self, times: str = "0.99", side: str = "buy", amount: float = 0.01, **params: Any) -> str:
        """A limit order at a multiple of the last price."""
        return await self.places("limit", side, amount, self.price(times), **params)

    async def order(self, order_id: str) -> Any:
        return await self.bybit.fetch_order(order_id, BTC, {"acknowledged": True})

    async def position(self, side: str | None = None) -> Any:
        """The open position; None when flat."""
        found = await self.bybit.fetch_positions([BTC])
        opened = [each for each in found if each["contracts"] and side in (None, each["side"])]
        return opened[0] if opened else None

    def price(self, times: str = "1") -> float:
        return float(self.swings.price(times))


@asynccontextmanager
async def ccxt_trader(home: Path) -> AsyncIterator[CcxtTrader]:
    """At the beginning of a rise, with markets loaded."""
    async with swinging_venue(home) as swings, stock_ccxt(swings.endpoint) as bybit:
        await bybit.load_markets()
        yield CcxtTrader(bybit, swings)
