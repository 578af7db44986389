"""A relay in front of the exchange's REST: when each order's request came by, when its answer did, and how many asked.

It looks at bytes alone, on kept connections with one request at a time, and changes none of them.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

ORDER: Final = b"POST /v5/order/create"
_LINK: Final = b'"orderLinkId":"'
_MOST: Final = 1 << 20


@dataclass(slots=True)
class Relay:
    port: int
    late_s: float = 0.0  # that every request is on its way
    left: dict[str, float] = field(default_factory=dict)  # order link id -> monotonic s at which it was asked first
    answered: dict[str, float] = field(default_factory=dict)
    asked: list[tuple[float, str]] = field(default_factory=list)  # every request: monotonic s, method and path

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            writer.close()
            return
        one = _Connection(self)
        down = asyncio.create_task(_pump(there, writer, one.answer))
        try:
            await _pump(reader, back, one.request, self.late_s)
        except asyncio.CancelledError:  # the relay is closed, and the streams' own callback would complain of it
            pass
        finally:
            down.cancel()
            back.close()
            writer.close()


class _Connection:
    """What is known of the request under way on one connection."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._link = ""
        self._heard = b""

    def request(self, chunk: bytes) -> None:
        now = time.monotonic()
        if chunk.startswith((b"GET ", b"POST ")):
            method, path = chunk.split(b" ", 2)[:2]
            self._relay.asked.append((now, f"{method.decode()} {path.partition(b'?')[0].decode()}"))
            self._heard, self._link = b"", ""
        self._heard += chunk
        if self._heard.startswith(ORDER) and not self._link:
            _, found, rest = self._heard.partition(_LINK)
            if found and b'"' in rest:
                self._link = rest.partition(b'"')[0].decode()
                self._relay.left.setdefault(self._link, now)

    def answer(self, _chunk: bytes) -> None:
        if self._link:
            self._relay.answered.setdefault(self._link, time.monotonic())


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: Callable[[bytes], None], late_s: float = 0.0
) -> None:
    with suppress(ConnectionError):
        while chunk := await reader.read(_MOST):
            seen(chunk)
            if late_s:
                await asyncio.sleep(late_s)
            writer.write(chunk)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def relay(port: int, *, listen: int = 0, late_s: float = 0.0) -> AsyncIterator[tuple[Relay, int]]:
    """Relay to `port`, every request `late_s` later; yields the relay and where it listens."""
    made = Relay(port, late_s)
    server = await asyncio.start_server(made.serve, "127.0.0.1", listen)
    try:
        yield made, server.sockets[0].getsockname()[1]
    finally:
        server.close()
