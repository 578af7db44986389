"""A raw WebSocket client of the venue: what it says and hears is JSON, and nothing is kept from the test."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.support.bybit_signed import auth_message
from tests.support.paper_venue import SECRET, PaperVenue

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

    async def is_cut(self) -> bool:
        """Whether the next thing heard is the end of the line."""
        try:
            await self.hear()
        except ConnectionClosed:
            return True
        return False

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

    async def authenticate(self, *, as_text: bool = False, secret: str = SECRET, ahead_ms: int = 1_000) -> Said:
        return await self.ask(**auth_message(ahead_ms, secret=secret, as_text=as_text))


@asynccontextmanager
async def venue_socket(url: str) -> AsyncIterator[VenueSocket]:
    async with connect(url, compression=None) as connection:
        yield VenueSocket(connection)


@asynccontextmanager
async def listening(venue: PaperVenue, stream: str, *topics: str) -> AsyncIterator[VenueSocket]:
    """A line to `/v5/<stream>` that is subscribed to `topics`; any stream but a public one is authenticated."""
    async with venue_socket(f"{venue.endpoint.ws_public}/v5/{stream}") as line:
        if not stream.startswith("public"):
            assert (await line.authenticate())["op"] == "auth"
        if topics:
            assert (await line.ask(op="subscribe", args=list(topics)))["success"] is True
        yield line
