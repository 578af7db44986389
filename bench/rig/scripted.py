"""A venue that does what a benchmark says: it answers what a fetcher asks, and dates every frame that it pushes.

    python -m bench.rig.scripted <port> <symbols>

Public REST and stream in Bybit's dialect, without limits. A closed candle's volume and a ticker's last price are the
monotonic seconds of this machine at which the frame was written to the socket, so that whoever reads them further on
knows how long they were on their way. `POST /rate {"tickers": n, "forming": m}` says how often a second each symbol's
price and each series' forming candle are pushed; `POST /close` ends a quarter hour of the market: all candles that end
then leave in one write. It answers how many.
"""

import asyncio
import base64
import hashlib
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, cast
from urllib.parse import parse_qs

import orjson
import uvloop

QUARTER_MS: Final = 900_000
MINUTES: Final = {"15": 15, "30": 30, "60": 60}
TURN_S: Final = 0.01
SPREAD: Final = 97  # coprime to the number of symbols: neighbours in the list are not neighbours in time
_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TEXT, _PING, _PONG, _CLOSE = 0x81, 9, 0x8A, 8
_LONG, _LONGER = 126, 127
_HEAD_END: Final = b"\r\n\r\n"
PRICE: Final = "100.00"
UNDATED: Final = "9999999999.999999"


def names(count: int) -> list[str]:
    return [f"S{number:03d}USDT" for number in range(count)]


class Market:
    """The market's time and who listens."""

    def __init__(self, symbols: Sequence[str]) -> None:
        self.symbols = symbols
        now = time.time_ns() // 1_000_000
        self._quarter, self._since = now - now % 3_600_000, time.monotonic()
        self.clients: set[Client] = set()
        self.rates = {"tickers": 1.0, "forming": 0.0}

    def now(self) -> int:
        """Market ms: it waits at the end of a quarter hour until that is said to be over."""
        return self._quarter + min(QUARTER_MS - 1, int((time.monotonic() - self._since) * 1_000))

    def close(self) -> int:
        self._quarter, self._since = self._quarter + QUARTER_MS, time.monotonic()
        ended = [interval for interval, minutes in MINUTES.items() if self._quarter % (minutes * 60_000) == 0]
        topics = [f"kline.{interval}.{symbol}" for symbol in self.symbols for interval in ended]
        for client in self.clients:
            client.push(topics, candle_frame, self._quarter)
        return len(topics)

    async def run(self) -> None:
        """Push what is due, evenly over every second."""
        kinds = {
            "tickers": ([f"tickers.{symbol}" for symbol in self.symbols], ticker_frame),
            "forming": ([f"kline.{interval}.{s}" for s in self.symbols for interval in MINUTES], forming_frame),
        }
        owed, at, before = dict.fromkeys(kinds, 0.0), dict.fromkeys(kinds, 0), time.monotonic()
        while True:
            await asyncio.sleep(TURN_S)
            now = time.monotonic()
            for kind, (topics, frame) in kinds.items():
                owed[kind] += (now - before) * self.rates[kind] * len(topics)
                due = [topics[(at[kind] + n) * SPREAD % len(topics)] for n in range(int(owed[kind]))]
                owed[kind] -= len(due)
                at[kind] += len(due)
                for client in self.clients if due else ():
                    client.push(due, frame, self.now())
            before = now

    def answer(self, path: str, query: dict[str, list[str]]) -> object:
        match path.rpartition("/")[2]:
            case "instruments-info":
                return {"category": "linear", "nextPageCursor": "", "list": [instrument(s) for s in self.symbols]}
            case "tickers":
                return {"category": "linear", "list": [ticker(s) for s in self.symbols]}
            case "orderbook":
                at = self.now()
                return {"s": query["symbol"][0], "b": [[PRICE, "2"]], "a": [[PRICE, "3"]], "ts": at, "u": 1, "seq": 1}
            case "kline":
                return {"symbol": query["symbol"][0], "category": "linear", "list": list(self._rows(query))[::-1]}
            case other:
                raise ValueError(f"nobody was expected to ask for {other}")

    def _rows(self, query: dict[str, list[str]]) -> Iterator[list[str]]:
        step, limit = MINUTES[query["interval"][0]] * 60_000, int(query["limit"][0])
        forming = self.now() - self.now() % step
        start = int(query["start"][0]) if "start" in query else forming - (limit - 1) * step
        for opened in range(start, min(forming, start + (limit - 1) * step) + 1, step):
            yield [str(opened), PRICE, PRICE, PRICE, PRICE, "1000.5", "100050"]


class Client(asyncio.Protocol):
    """One connection: requests one after the other, or a stream."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._heard = b""
        self._is_stream = False
        self._topics: set[str] = set()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._market.clients.discard(self)

    def data_received(self, data: bytes) -> None:
        self._heard += data
        while self._frame() if self._is_stream else self._request():
            pass

    def push(self, topics: Sequence[str], frame: Callable[[str, int, str], bytes], at: int) -> None:
        """Write the frames of those topics that this client listens to, all at once."""
        frames = b"".join(framed(frame(topic, at, UNDATED)) for topic in topics if topic in self._topics)
        date = f"{time.monotonic():.6f}".zfill(len(UNDATED))[-len(UNDATED) :]  # dated when all of them are there
        self._write(frames.replace(UNDATED.encode(), date.encode()))

    def _write(self, data: bytes) -> None:
        assert self._transport is not None
        self._transport.write(data)

    def _request(self) -> bool:
        head, found, rest = self._heard.partition(_HEAD_END)
        if not found:
            return False
        line, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (each.partition(": ") for each in lines)}
        length = int(headers.get("content-length", "0"))
        if len(rest) < length:
            return False
        self._heard = rest[length:]
        path, _, query = line.split(" ")[1].partition("?")
        if "sec-websocket-key" in headers:
            self._is_stream = True
            self._market.clients.add(self)
            proof = base64.b64encode(hashlib.sha1(headers["sec-websocket-key"].encode() + _GUID).digest()).decode()
            self._write(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Accept: " + proof.encode() + _HEAD_END
            )
        elif path == "/close":
            self._answer({"closed": self._market.close()})
        elif path == "/rate":
            self._market.rates |= orjson.loads(rest[:length])
            self._answer(self._market.rates)
        else:
            result = self._market.answer(path, parse_qs(query))
            self._answer({"retCode": 0, "retMsg": "OK", "result": result, "time": time.time_ns() // 1_000_000})
        return True

    def _answer(self, said: object) -> None:
        body = orjson.dumps(said)
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        self._write(head.encode() + body)

    def _frame(self) -> bool:
        """Take one frame of the client's, which are short and masked."""
        heard = self._heard
        if len(heard) < 2:
            return False
        length, begin = heard[1] & 127, 2
        if length == _LONG:
            length, begin = int.from_bytes(heard[2:4], "big"), 4
        elif length == _LONGER:
            length, begin = int.from_bytes(heard[2:10], "big"), 10
        end = begin + 4 + length
        if len(heard) < end:
            return False
        mask, body = heard[begin : begin + 4], heard[begin + 4 : end]
        self._heard = heard[end:]
        said = bytes(byte ^ mask[n % 4] for n, byte in enumerate(body))
        match heard[0] & 15:
            case 1:
                self._asked(orjson.loads(said))
            case opcode if opcode == _PING:
                self._write(bytes([_PONG, len(said)]) + said)
            case opcode if opcode == _CLOSE:
                self._market.clients.discard(self)
                if self._transport is not None:
                    self._transport.close()
        return True

    def _asked(self, asked: dict[str, Any]) -> None:
        self._write(framed(orjson.dumps({"success": True, "op": asked["op"], "req_id": asked.get("req_id", "")})))
        if asked["op"] == "subscribe":
            self._topics |= set(asked["args"])
            shown = [topic for topic in asked["args"] if topic.startswith("tickers.")]
            self.push(shown, snapshot_frame, self._market.now())


def framed(body: bytes) -> bytes:
    size = len(body)
    if size < _LONG:
        return bytes([_TEXT, size]) + body
    return bytes([_TEXT, _LONG]) + size.to_bytes(2, "big") + body


def candle_frame(topic: str, at: int, date: str, *, closed: bool = True) -> bytes:
    _, interval, _ = topic.split(".")
    step = MINUTES[interval] * 60_000
    start = at - step if closed else at - at % step
    row = (
        f'{{"start":{start},"end":{start + step - 1},"interval":"{interval}","open":"{PRICE}","close":"{PRICE}",'
        f'"high":"{PRICE}","low":"{PRICE}","volume":"{date}","turnover":"100050","confirm":{str(closed).lower()},'
        f'"timestamp":{at}}}'
    )
    return f'{{"topic":"{topic}","data":[{row}],"ts":{at},"type":"snapshot"}}'.encode()


def forming_frame(topic: str, at: int, date: str) -> bytes:
    return candle_frame(topic, at, date, closed=False)


def ticker_frame(topic: str, at: int, date: str) -> bytes:
    """What the venue tells of a busy symbol ten times a second."""
    symbol = topic.partition(".")[2]
    return (
        f'{{"topic":"{topic}","type":"delta","data":{{"symbol":"{symbol}","tickDirection":"PlusTick",'
        f'"price24hPcnt":"0.017103","lastPrice":"{date}","turnover24h":"2352.94950046","volume24h":"49337318",'
        f'"bid1Price":"100.00","bid1Size":"2","ask1Price":"100.01","ask1Size":"3"}},"cs":24987956059,"ts":{at}}}'
    ).encode()


def snapshot_frame(topic: str, at: int, date: str) -> bytes:
    row = ticker(topic.partition(".")[2]) | {"lastPrice": date}
    return orjson.dumps({"topic": topic, "type": "snapshot", "data": row, "cs": 1, "ts": at})


def ticker(symbol: str) -> dict[str, str]:
    prices = dict.fromkeys(("lastPrice", "markPrice", "indexPrice", "bid1Price", "ask1Price"), PRICE)
    day = {"highPrice24h": "101.00", "lowPrice24h": "99.00", "prevPrice24h": PRICE, "price24hPcnt": "0.01"}
    sizes = {"bid1Size": "2", "ask1Size": "3", "turnover24h": "100000000", "volume24h": "1000000"}
    return {"symbol": symbol, **prices, **day, **sizes, "fundingRate": "0.0001", "nextFundingTime": "0"}


def instrument(symbol: str) -> dict[str, object]:
    lot = {"qtyStep": "0.1", "minOrderQty": "0.1", "maxMktOrderQty": "10000", "minNotionalValue": "5"}
    return {
        "symbol": symbol,
        "contractType": "LinearPerpetual",
        "settleCoin": "USDT",
        "status": "Trading",
        "launchTime": "1585526400000",
        "fundingInterval": 480,
        "lotSizeFilter": lot,
        "priceFilter": {"tickSize": "0.000001"},
        "leverageFilter": {"maxLeverage": "50"},
    }


async def main(port: int, symbols: int) -> None:
    market = Market(names(symbols))
    await asyncio.get_running_loop().create_server(lambda: Client(market), "127.0.0.1", port)
    await market.run()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), int(sys.argv[2])))
