"""ccxt's own bybit, used raw: the venue's strings in, the venue's strings out, asked exactly once.

ccxt's unified layer turns money into floats, hides retCodes behind exception classes and drops `confirm` from
candles, so only its transport, signature and WebSocket are used. Nothing is throttled, retried or swallowed here.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from dataclasses import astuple
from typing import Any, Final

import aiohttp

from libs.common import laps
from libs.common.budget import Budget
from libs.common.clock import Clock
from libs.common.errors import Transient
from libs.common.exchange.ccxt_bybit import BaseError, bybit
from libs.common.exchange.endpoints import Endpoint
from libs.common.exchange.trading_types import Stamp

Row = dict[str, Any]  # one JSON object of the venue's

READ_WINDOW_MS: Final = 5_000
TIMEOUT_MS: Final = 5_000
ACK_TIMEOUT_S: Final = 10.0
AUTH_AHEAD_MS: Final = 10_000
FRAMES_WAITING: Final = 50_000  # a reader further behind is cut off and has to catch up over REST
TOPICS_A_REQUEST: Final = 50
MISDATED: Final = 10002
TOO_MANY_VISITS: Final = 10006
TOO_FREQUENT: Final = 403  # HTTP: the address is shut out for ten minutes
SHUT_OUT_MS: Final = 600_000
SERVER_TIME: Final = "public_get_v5_market_time"
ORDER_CREATE: Final = "v5/order/create"

_stamp: ContextVar[Stamp | None] = ContextVar("stamp", default=None)


class VenueAnswer(BaseError):  # type: ignore[misc]  # ccxt is untyped
    """The venue answered with a code other than 0."""

    def __init__(self, code: int, text: str, wait_ms: int) -> None:
        super().__init__(f"{code} {text}")
        self.code, self.text, self.wait_ms = code, text, wait_ms


class Unreadable(BaseError):  # type: ignore[misc]
    """Something came back that is no answer of the venue's: a gateway's page, a broken body, a 5xx."""


class Wire:
    """One WebSocket connection: data frames in order, and acknowledgements of what was asked on it."""

    def __init__(self) -> None:
        self._frames: asyncio.Queue[Row | None] = asyncio.Queue(FRAMES_WAITING)
        self._acks: dict[str, asyncio.Future[Row]] = {}
        self.reason = ""

    def receive(self, frame: Row) -> None:
        """Take one frame; raises QueueFull when the reader is too far behind."""
        if "topic" in frame:
            self._frames.put_nowait(frame)
            return
        ack = self._acks.pop(str(frame.get("req_id") or frame.get("op")), None)
        if ack is not None and not ack.done():
            ack.set_result(frame)

    def expect(self, key: str) -> asyncio.Future[Row]:
        return self._acks.setdefault(key, asyncio.get_running_loop().create_future())

    def end(self, ended: asyncio.Future[object]) -> None:
        """Let the reader finish what has arrived and then hear why there is no more."""
        self.reason = "closed" if ended.cancelled() else str(ended.exception())
        if self._frames.full():
            self._frames.get_nowait()
        self._frames.put_nowait(None)
        for ack in self._acks.values():
            ack.cancel()

    async def frames(self) -> AsyncIterator[Row]:
        """Yield frames until the connection is lost; raises Transient then."""
        while (frame := await self._frames.get()) is not None:
            yield frame
        raise Transient(f"stream lost: {self.reason}")


class BybitClient(bybit):  # type: ignore[misc]
    """REST calls as ccxt's implicit methods (`private_get_v5_position_list`), streams as raw frames."""

    def __init__(
        self, endpoint: Endpoint, clock: Clock, *, key: str = "", secret: str = "", budget: Budget | None = None
    ) -> None:
        """budget: what every request waits for; None for orders, which have the address's reserve."""
        base = endpoint.rest
        super().__init__(
            {
                "apiKey": key,
                "secret": secret,
                "enableRateLimit": False,
                "timeout": TIMEOUT_MS,
                "timeout_on_exit": 250 if base.startswith("https") else 0,  # for TLS to say goodbye
                "verify": any(url.startswith(("https", "wss")) for url in astuple(endpoint)),  # else no TLS is set up
                "urls": {"api": {"public": base, "private": base}},
                "options": {"recvWindow": READ_WINDOW_MS},
            }
        )
        self.clock_offset_ms = 0  # the venue's wall clock less ours
        self._clock, self._budget = clock, budget
        self._spent_ms = 0  # the last answer said that no request is left for so long
        self._wires: dict[str, Wire] = {}
        self._opened = 0

    # REST

    def nonce(self) -> int:
        stamp = _stamp.get()
        return (self._clock.now() if stamp is None else stamp.at) + self.clock_offset_ms

    def sign(self, path: str, *args: Any, **kwargs: Any) -> Any:
        """Date and limit the request as its Stamp says; ccxt reads both while it signs, without awaiting."""
        stamp = _stamp.get()
        self.options["recvWindow"] = READ_WINDOW_MS if stamp is None else stamp.recv_window_ms
        signed = super().sign(path, *args, **kwargs)
        if path == ORDER_CREATE:
            laps.ended(laps.ORDER_SIGNED)
        return signed

    def handle_errors(
        self,
        http_code: int,
        reason: str,
        url: str,
        method: str,
        headers: Row,
        body: str,
        response: Any,
        request_headers: Any,
        request_body: Any,
    ) -> None:
        """Raise what came back unless it is a success: the code and text, not a class guessed from them."""
        code = response.get("retCode") if isinstance(response, dict) else None
        if http_code == TOO_FREQUENT:
            raise VenueAnswer(TOO_FREQUENT, body[:200] or reason, SHUT_OUT_MS)
        if not isinstance(code, int) or (code == 0 and http_code != 200):
            raise Unreadable(f"HTTP {http_code} {reason}: {body[:200]}")
        if code != 0:
            raise VenueAnswer(code, str(response.get("retMsg", "")), self._wait_ms(headers))
        if {name.lower(): value for name, value in headers.items()}.get("x-bapi-limit-status") == "0":
            self._spent_ms = self._wait_ms(headers)

    async def ask(self, method: str, params: Row, stamp: Stamp | None = None) -> Row:
        """Call an implicit method once; return `result`. Raises what ccxt or `handle_errors` raises.

        With a budget it waits for its turn, and tells the budget when the venue asks for patience.
        """
        if self._budget is None:
            return await self._asked(method, params, stamp)
        await self._budget.turn()
        try:
            result = await self._asked(method, params, stamp)
        except VenueAnswer as answer:
            if answer.code in {TOO_MANY_VISITS, TOO_FREQUENT}:
                await self._budget.hold_off(answer.wait_ms)
            raise
        if spent_ms := self._spent_ms:
            self._spent_ms = 0
            await self._budget.hold_off(spent_ms)
        return result

    async def _asked(self, method: str, params: Row, stamp: Stamp | None) -> Row:
        token = _stamp.set(stamp)
        try:
            response: Row = await getattr(self, method)(params)
        except VenueAnswer as answer:
            if answer.code == MISDATED and method != SERVER_TIME:  # a clock was set: else all is refused for ever
                with suppress(BaseError):
                    await self.measure_clock()
            raise
        finally:
            _stamp.reset(token)
        if not isinstance(response.get("result"), dict):
            raise Unreadable(f"{method}: no result")
        result: Row = response["result"] | {"time": response.get("time", 0)}
        return result

    async def measure_clock(self) -> int:
        """Ask the venue's wall clock; keep the offset, halving the round trip; return the venue's now."""
        sent = self._clock.now()
        answer = await self.ask(SERVER_TIME, {})
        heard = self._clock.now()
        self.clock_offset_ms = int(answer["time"]) - (sent + heard) // 2
        return int(answer["time"])

    def _wait_ms(self, headers: Row) -> int:
        reset = {name.lower(): value for name, value in headers.items()}.get("x-bapi-limit-reset-timestamp", "")
        left = int(reset) - self._clock.now() - self.clock_offset_ms if reset.isdigit() else 1_000
        return max(100, min(left, 10_000))

    # WebSocket

    def handle_message(self, client: Any, message: Row) -> None:
        client.lastPong = self.milliseconds()  # any frame is a sign of life
        wire = self._wires.get(client.url)
        if wire is None:
            return
        try:
            wire.receive(message)
        except asyncio.QueueFull:
            client.on_error(BaseError("the reader is too far behind"))

    @asynccontextmanager
    async def stream(self, url: str, topics: Sequence[str], *, signed: bool = False) -> AsyncIterator[Wire]:
        """Connect, authenticate when `signed`, subscribe, and hear all acknowledgements before the body runs.

        Raises Transient when any of it fails.
        """
        self.open()
        self._opened += 1
        url = f"{url}#{self._opened}"  # ccxt keeps one connection per URL; the fragment stays at home
        client, wire = self.client(url), Wire()
        self._wires[url] = wire
        ended = client.future("ended")
        ended.add_done_callback(wire.end)
        try:
            async with asyncio.timeout(ACK_TIMEOUT_S):
                await asyncio.wait({client.connect(self.session), ended}, return_when=asyncio.FIRST_COMPLETED)
                if signed:
                    await self._acknowledged(client, wire, self._auth())
                for begin in range(0, len(topics), TOPICS_A_REQUEST):
                    batch = list(topics[begin : begin + TOPICS_A_REQUEST])
                    await self._acknowledged(client, wire, {"op": "subscribe", "req_id": f"s{begin}", "args": batch})
            yield wire
        except (TimeoutError, ConnectionError, BaseError, aiohttp.ClientError) as error:
            raise Transient(f"stream {url}: {error or 'no acknowledgement'} {wire.reason}") from error
        finally:
            ended.remove_done_callback(wire.end)
            self._wires.pop(url, None)
            self.clients.pop(url, None)
            await client.close()

    async def _acknowledged(self, client: Any, wire: Wire, request: Row) -> None:
        ack = wire.expect(str(request.get("req_id") or request["op"]))
        await client.send(request)
        try:
            answer = await ack
        except asyncio.CancelledError:
            if wire.reason:
                raise Transient(f"stream lost: {wire.reason}") from None
            raise
        if not answer.get("success"):
            raise Transient(f"{request['op']} refused: {answer.get('ret_msg')}")

    def _auth(self) -> Row:
        expires = str(self._clock.now() + self.clock_offset_ms + AUTH_AHEAD_MS)
        return {"op": "auth", "args": [self.apiKey, expires, self._signature(f"GET/realtime{expires}")]}

    def _signature(self, text: str) -> str:
        return str(self.hmac(self.encode(text), self.encode(self.secret), hashlib.sha256))
