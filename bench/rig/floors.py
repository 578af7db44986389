"""Servers that do no more than an answer takes at least, on the very same HTTP stack: what is left to the exchange.

    python -m bench.rig.floors klines|orders <port>

klines: the same number of bytes as 200 candles, made before. orders: a body read as JSON, its HMAC, and a row in a
SQLite file that is synced before the answer leaves, as many rows in a transaction as came in one turn of the loop.
"""

import asyncio
import hmac
import os
import sqlite3
import sys
from pathlib import Path
from typing import Final

import orjson
import uvloop
from starlette.types import Receive, Scope, Send

from libs.common.clock import SystemClock
from libs.common.http import serve_http

ROW: Final = ["1748822400000", "100.01", "101.01", "99.01", "100.51", "123456.7", "12345678.9"]
KLINES: Final = orjson.dumps({"retCode": 0, "retMsg": "OK", "result": {"list": [ROW] * 200}, "retExtInfo": {}})
TAKEN: Final = orjson.dumps({"retCode": 0, "retMsg": "OK", "result": {"orderId": "0" * 36}, "retExtInfo": {}})


class Klines:
    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await _answer(send, KLINES)


class Orders:
    def __init__(self, path: Path) -> None:
        self._file = sqlite3.connect(path, isolation_level=None)
        self._file.execute("PRAGMA journal_mode = WAL")
        self._file.execute("PRAGMA synchronous = FULL")
        self._file.execute("CREATE TABLE orders (seq INTEGER PRIMARY KEY, body BLOB NOT NULL)")
        self._waiting: list[bytes] = []
        self._kept: asyncio.Future[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        body: bytes = (await receive())["body"]
        orjson.loads(body)
        hmac.digest(b"paper", body, "sha256")
        self._waiting.append(body)
        if self._kept is None:
            loop = asyncio.get_running_loop()
            self._kept = loop.create_future()
            loop.call_soon(self._keep)
        await asyncio.shield(self._kept)
        await _answer(send, TAKEN)

    def _keep(self) -> None:
        kept, self._kept = self._kept, None
        self._file.execute("BEGIN IMMEDIATE")
        self._file.executemany("INSERT INTO orders (body) VALUES (?)", [(body,) for body in self._waiting])
        self._file.execute("COMMIT")
        self._waiting.clear()
        if kept is not None:
            kept.set_result(None)


async def _answer(send: Send, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def main(kind: str, port: int) -> None:
    home = Path(os.environ["IRONKEEL_HOME"])
    app = Klines() if kind == "klines" else Orders(home / "floor.db")
    async with serve_http(app, host="127.0.0.1", port=port, name="paper_exchange", home=home, clock=SystemClock()):
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], int(sys.argv[2])))
