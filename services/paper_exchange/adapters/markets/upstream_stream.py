"""One connection to another venue's public stream: subscribed, pinged, and given up when it is silent."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import orjson
import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from libs.common.clock import Clock
from libs.common.errors import Transient
from libs.common.units import Symbol
from services.paper_exchange.core.relayed.upstream_frames import DEPTH, topics

log = structlog.get_logger()

PATH: Final = "/v5/public/linear"
OPEN_S: Final = 10
PING_S: Final = 1.0  # a lively venue answers at once: this is how we know that prices stand still and are not lost
SILENT_S: Final = 10.0  # a venue that is busy for a while is worth waiting for
ANSWERED_S: Final = 5.0
LOOK_S: Final = 0.02
LARGEST_FRAME: Final = 4 * 2**20


class UpstreamStream:
    """A live connection. `next` raises Transient when it ended or says nothing."""

    def __init__(self, wire: ClientConnection) -> None:
        self._wire = wire
        self._asked = 0
        self.unanswered = 0  # subscriptions

    async def next(self) -> str | bytes:
        try:
            async with asyncio.timeout(SILENT_S):
                return await self._wire.recv()
        except TimeoutError as error:
            raise Transient(f"nothing heard for {SILENT_S:g} s") from error
        except WebSocketException as error:
            raise Transient(f"the stream ended: {error}") from error

    async def ping(self, clock: Clock) -> None:
        """Ask for a sign of life for ever."""
        while True:
            await self._ask("ping", ())
            await clock.sleep(PING_S)

    async def subscribe(self, symbols: Sequence[Symbol]) -> None:
        """Subscribe symbol by symbol: one that the venue refuses spoils no other."""
        for symbol in symbols:
            self.unanswered += 1
            await self._ask("subscribe", topics(symbol))

    async def subscribed(self, clock: Clock) -> None:
        """Return when every subscription was answered; raises Transient where one is not."""
        began = clock.monotonic_ms()
        while self.unanswered > 0:
            if clock.monotonic_ms() - began > ANSWERED_S * 1_000:
                raise Transient(f"{self.unanswered} subscriptions were not answered")
            await clock.sleep(LOOK_S)

    async def ask_for_levels(self, symbol: Symbol) -> None:
        """Subscribe anew to an order book, which begins with a snapshot."""
        self.unanswered += 1
        await self._ask("unsubscribe", [f"orderbook.{DEPTH}.{symbol}"])
        await self._ask("subscribe", [f"orderbook.{DEPTH}.{symbol}"])

    async def _ask(self, op: str, args: Sequence[str]) -> None:
        self._asked += 1
        asked = {"op": op, "req_id": str(self._asked), **({"args": list(args)} if args else {})}
        try:
            await self._wire.send(orjson.dumps(asked).decode())
        except WebSocketException as error:
            raise Transient(f"the stream ended: {error}") from error


@asynccontextmanager
async def upstream_stream(url: str) -> AsyncIterator[UpstreamStream]:
    """Connect while the block runs; raises Transient where that is not possible."""
    try:
        wire = await connect(
            url + PATH,
            open_timeout=OPEN_S,
            close_timeout=1,
            ping_interval=None,
            compression=None,
            max_size=LARGEST_FRAME,
            proxy=None,
        )
    except (OSError, TimeoutError, WebSocketException) as error:
        raise Transient(f"{url}: {error}") from error
    async with wire:
        yield UpstreamStream(wire)
