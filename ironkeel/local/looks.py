"""Ask a process for one JSON document over and over: HTTP/1.1 on one kept connection each, and nothing else.

Lockstep asks every process several times a step; a whole HTTP client costs more there than the market does.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import orjson

from ironkeel.local.rest import Json

PATIENCE_S: Final = 5.0
HOST: Final = "127.0.0.1"

Wire = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(slots=True)
class Looks:
    """`port` tells where a process listens now; it is asked again when a connection fails."""

    port: Callable[[str], int | None]
    _wires: dict[str, Wire] = field(default_factory=dict)

    async def get(self, name: str, path: str) -> Json | None:
        """The JSON body of a GET, also of a 503; None when nobody answers it in time."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await self._asked(name, path)
        except (OSError, EOFError, ValueError, LookupError):
            self._drop(name)
            return None
        except asyncio.CancelledError:
            self._drop(name)  # half an answer may be on the wire
            raise

    async def _asked(self, name: str, path: str) -> Json | None:
        wire = self._wires.get(name) or await self._open(name)
        if wire is None:
            return None
        reader, writer = self._wires[name] = wire
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
        told = dict(line.split(": ", 1) for line in head[1:] if line)
        body = await reader.readexactly(int(told["content-length"]))
        if told.get("connection") == "close":
            self._drop(name)
        said = orjson.loads(body)
        return said if head[0].split()[1] in ("200", "503") and isinstance(said, dict) else None

    async def _open(self, name: str) -> Wire | None:
        port = self.port(name)
        return None if port is None else await asyncio.open_connection(HOST, port)

    def _drop(self, name: str) -> None:
        if wire := self._wires.pop(name, None):
            wire[1].close()

    def close(self) -> None:
        for name in list(self._wires):
            self._drop(name)
