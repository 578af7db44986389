"""A raw WebSocket client of the venue: what it says and hears is JSON, and nothing is kept from the test."""

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import orjson
from websockets.asyncio.client import ClientConnection, connect

from libs.common.clock import SystemClock

Said: TypeAlias = dict[str, Any]  # decoded JSON, which a test knows the shape of
PATIENCE_S = 20


class VenueSocket:
    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def say(self, **message: Any) -> None:
        await self.connection.send(orjson.dumps(message).decode())

    async def hear(self) -> Said:
        async with asyncio.timeout(PATIENCE_S):
            heard: Said = orjson.loads(await self.connection.recv())
        return heard

    async def ask(self, **message: Any) -> Said:
        """Say something and hear the next thing said."""
        await self.say(**message)
        return await self.hear()

    async def hear_topic(self, name: str) -> Said:
        """The next frame of a topic; what is said before is passed over."""
        while True:
            heard = await self.hear()
            if heard.get("topic") == name:
                return heard

    async def authenticate(self, *, as_text: bool = False, secret: str = "paper", ahead_ms: int = 1_000) -> Said:
        expires = SystemClock().now() + ahead_ms
        sign = hmac.new(secret.encode(), f"GET/realtime{expires}".encode(), hashlib.sha256).hexdigest()
        return await self.ask(op="auth", args=["paper", str(expires) if as_text else expires, sign])

    async def until_closed(self) -> int:
        """Read until the other side closes; the code it gave."""
        async with asyncio.timeout(PATIENCE_S):
            async for _ in self.connection:
                pass
        return self.connection.close_code or 0


@asynccontextmanager
async def venue_socket(url: str) -> AsyncIterator[VenueSocket]:
    async with connect(url, compression=None) as connection:
        yield VenueSocket(connection)
