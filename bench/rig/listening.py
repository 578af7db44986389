"""Raw WebSocket clients: frames are counted and dated as bytes, nothing of them is decoded but their time."""

import asyncio
import base64
import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

from bench.rig.process import Served

_HEAD_END = b"\r\n\r\n"
_TS = b'"ts":'
_TOPIC = b'{"topic":"'
_MOST_IN_ONE = 125
_PING = 9
_NO_MASK = b"\0\0\0\0"  # a mask of zeros changes nothing
_LONG, _LONGER = 126, 127


@dataclass(slots=True)
class Heard:
    """What one client heard while it counted: pushed frames and bytes, and (market ts, wall receipt in s) of each."""

    frames: int = 0
    bytes: int = 0
    dated: list[tuple[int, float]] = field(default_factory=list)


class Listener(asyncio.Protocol):
    """One client; it counts what is pushed once `heard` is set."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._upgraded = False
        self._transport: asyncio.Transport | None = None
        self.heard: Heard | None = None
        self.ready = asyncio.get_running_loop().create_future()
        self.lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        key = base64.b64encode(os.urandom(16)).decode()
        self._transport.write(
            f"GET /v5/public/linear HTTP/1.1\r\nHost: paper\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def connection_lost(self, error: Exception | None) -> None:
        self.lost = True

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        now = time.monotonic()
        buffer = self._buffer
        buffer += data
        if not self._upgraded:
            end = buffer.find(_HEAD_END)
            if end < 0:
                return
            del buffer[: end + len(_HEAD_END)]
            self._upgraded = True
            self.ready.set_result(None)
        at, size = 0, len(buffer)
        while size - at >= 2:
            length, begin = buffer[at + 1] & 127, at + 2
            if length == _LONG:
                if size - at < 4:
                    break
                length, begin = int.from_bytes(buffer[at + 2 : at + 4], "big"), at + 4
            elif length == _LONGER:
                if size - at < 10:
                    break
                length, begin = int.from_bytes(buffer[at + 2 : at + 10], "big"), at + 10
            if size < begin + length:
                break
            if self.heard is not None and buffer.startswith(_TOPIC, begin):
                self._note(begin, length, now)
            if buffer[at] & 15 == _PING:
                self._transport.write(bytes([0x8A, 0x80 | length]) + _NO_MASK + buffer[begin : begin + length])
            at = begin + length
        del buffer[:at]

    def _note(self, begin: int, length: int, now: float) -> None:
        heard = self.heard
        assert heard is not None
        heard.frames += 1
        heard.bytes += length
        found = self._buffer.find(_TS, begin, begin + 200)
        if found > 0:
            heard.dated.append((int(self._buffer[found + len(_TS) : found + len(_TS) + 13]), now))

    def say(self, message: object) -> None:
        assert self._transport is not None
        body = json.dumps(message).encode()
        size = len(body)
        head = bytes([0x81, 0x80 | size]) if size <= _MOST_IN_ONE else bytes([0x81, 0xFE]) + size.to_bytes(2, "big")
        self._transport.write(head + _NO_MASK + body)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()


async def listeners(served: Served, count: int, topics: Sequence[str]) -> list[Listener]:
    """Clients that have subscribed to `topics`."""
    loop = asyncio.get_running_loop()
    made = [(await loop.create_connection(Listener, "127.0.0.1", served.port))[1] for _ in range(count)]
    for each in made:
        await each.ready
        each.say({"op": "subscribe", "args": list(topics)})
    return made
