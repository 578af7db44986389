"""A WebSocket client that hears whatever comes, in the order in which it comes."""

import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

from libs.common.clock import SystemClock
from tests.support.paper_venue import KEY, SECRET, PaperVenue
from tests.support.waiting import PATIENCE_S


@dataclass
class Wire:
    socket: aiohttp.ClientWebSocketResponse

    async def says(self, **words: Any) -> None:
        await self.socket.send_str(orjson.dumps(words).decode())

    async def hears(self) -> Any:
        """The next frame; None when the line is cut."""
        message = await self.socket.receive(timeout=PATIENCE_S)
        return orjson.loads(message.data) if message.type is aiohttp.WSMsgType.TEXT else None

    async def hears_of(self, topic: str, many: int) -> list[Any]:
        """The next `many` frames whose topic is, or begins with, `topic`."""
        found: list[Any] = []
        while len(found) < many:
            frame = await self.hears()
            assert frame is not None, "the line was cut"
            if str(frame.get("topic", "")).startswith(topic):
                found.append(frame)
        return found


@asynccontextmanager
async def listening(venue: PaperVenue, stream: str, *topics: str) -> AsyncIterator[Wire]:
    """A line to `/v5/<stream>` that is subscribed to `topics`; any stream but a public one is authenticated."""
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{venue.endpoint.rest}/v5/{stream}") as socket:
        wire = Wire(socket)
        if not stream.startswith("public"):
            expires = SystemClock().now() + 60_000
            sign = hmac.new(SECRET.encode(), f"GET/realtime{expires}".encode(), hashlib.sha256).hexdigest()
            await wire.says(op="auth", args=[KEY, expires, sign])
            assert (await wire.hears())["op"] == "auth"
        if topics:
            await wire.says(op="subscribe", args=list(topics))
            assert (await wire.hears())["success"] is True
        yield wire
