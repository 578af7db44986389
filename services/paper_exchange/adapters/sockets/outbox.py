"""Frames on their way to one WebSocket client: bounded, in order, never waited for by the market."""

import asyncio
from collections import deque
from typing import Final

from starlette.websockets import WebSocket

MOST_WAITING: Final = 20_000  # frames: several seconds of a fast market; who is further behind is cut off
TOO_SLOW: Final = "too far behind"


class Outbox:
    """`given_up` is set, with a reason, when no more is sent: the connection is to be closed."""

    def __init__(self, socket: WebSocket, *, most: int = MOST_WAITING) -> None:
        self._socket = socket
        self._most = most
        self._frames: deque[str] = deque()
        self._filled = asyncio.Event()
        self._drained = asyncio.Event()
        self._drained.set()
        self.given_up = asyncio.Event()
        self.reason = ""
        self.sent = 0  # frames ever

    def put(self, frame: str) -> None:
        """Queue a frame; one too many and the client is given up."""
        if len(self._frames) >= self._most:
            self.give_up(TOO_SLOW)
            return
        self._frames.append(frame)
        self._filled.set()
        self._drained.clear()

    def give_up(self, reason: str) -> None:
        self.reason = self.reason or reason
        self.given_up.set()

    async def send_all(self) -> None:
        """Send what is queued, for ever. Raises WebSocketDisconnect when the client is gone."""
        while True:
            await self._filled.wait()
            while self._frames:
                await self._socket.send_text(self._frames.popleft())
                self.sent += 1
            self._filled.clear()
            self._drained.set()

    async def drained(self) -> None:
        """Wait until everything queued so far is on the wire, or the client is given up."""
        await self._drained.wait()

    def close(self) -> None:
        """Forget what waits, and let nobody wait for it."""
        self._frames.clear()
        self._drained.set()
