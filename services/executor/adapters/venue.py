"""The one place where trading keys are handed to a venue."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

from libs.common.clock import Clock
from libs.common.exchange import Trading
from libs.common.exchange.ccxt_trading import CcxtTrading
from libs.common.exchange.endpoints import Endpoint


@asynccontextmanager
async def open_trading(
    endpoint: Endpoint, keys: tuple[str, str], clock: Clock, instance: str
) -> AsyncIterator[Trading]:
    """Open the account for one process, and close it with the block; the dice only spread reconnects."""
    key, secret = keys
    trading = CcxtTrading(endpoint, clock, Random(instance), key=key, secret=secret)  # noqa: S311 no secret is drawn
    try:
        yield trading
    finally:
        await trading.close()
