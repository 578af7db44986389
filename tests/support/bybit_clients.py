"""The venue's usual clients, unmodified but for where they think that it is.

Nothing of them is configured but addresses and the key: what they ask for on their own is a part of the test.
"""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from queue import Queue
from typing import Any, Final
from unittest.mock import patch

import ccxt.async_support as ccxt_rest
import ccxt.pro as ccxt_pro
import pybit._websocket_trading as pybit_trading
from pybit import unified_trading as pybit

from libs.common.exchange.endpoints import Endpoint
from tests.support.paper_venue import KEY, SECRET

_WITHIN_S: Final = 15
_CHANNELS: Final = ("linear", "inverse", "spot", "option")


def ccxt_urls(endpoint: Endpoint) -> dict[str, Any]:
    """What ccxt calls `urls.api`: every REST section and every socket that a linear account uses."""
    rest, private = endpoint.rest, endpoint.private_stream
    sockets = {
        "public": {channel: f"{endpoint.ws_public}/v5/public/{channel}" for channel in _CHANNELS},
        "private": {
            "spot": {"unified": private, "nonUnified": private},
            "contract": private,
            "usdc": private,
            "trade": f"{endpoint.ws_private}/v5/trade",
        },
    }
    return {**dict.fromkeys(("spot", "futures", "v2", "public", "private"), rest), "ws": sockets}


def stock_ccxt(endpoint: Endpoint, *, key: str = KEY, secret: str = SECRET, **config: Any) -> Any:
    """ccxt as it comes: it lists every kind of market and probes the account."""
    return ccxt_rest.bybit(_ccxt_config(endpoint, key, secret) | config)


def stock_ccxt_pro(endpoint: Endpoint, *, key: str = KEY, secret: str = SECRET, **config: Any) -> Any:
    return ccxt_pro.bybit(_ccxt_config(endpoint, key, secret) | config)


def _ccxt_config(endpoint: Endpoint, key: str, secret: str) -> dict[str, Any]:
    """Its own throttle would spend a second on every cancel-all."""
    return {"apiKey": key, "secret": secret, "enableRateLimit": False, "urls": {"api": ccxt_urls(endpoint)}}


def pybit_http(endpoint: Endpoint, *, key: str = KEY, secret: str = SECRET, **options: Any) -> Any:
    session = pybit.HTTP(api_key=key, api_secret=secret, **options)
    session.endpoint = endpoint.rest
    return session


@dataclass(frozen=True)
class PybitStream:
    """pybit's socket, and a way to know that what was subscribed is in force: pybit only logs it."""

    socket: Any
    acknowledged: "Queue[str]"

    def subscribed(self, topics: int) -> None:
        """Return once so many calls to subscribe were answered."""
        for _ in range(topics):
            self.acknowledged.get(timeout=_WITHIN_S)


@contextmanager
def pybit_stream(endpoint: Endpoint, channel: str) -> Iterator[PybitStream]:
    """A socket for `channel` ("linear" or "private"), connected, in a thread of its own."""
    keys = {"api_key": KEY, "api_secret": SECRET} if channel == "private" else {}
    with _pybit_addresses(endpoint), _acknowledgements() as acknowledged:
        socket = pybit.WebSocket(testnet=False, channel_type=channel, **keys)
        try:
            yield PybitStream(socket, acknowledged)
        finally:
            socket.exit()


@contextmanager
def pybit_trading_socket(endpoint: Endpoint) -> Iterator[Any]:
    with _pybit_addresses(endpoint):
        socket = pybit.WebSocketTrading(testnet=False, api_key=KEY, api_secret=SECRET)
        try:
            yield socket
        finally:
            socket.exit()


@contextmanager
def _pybit_addresses(endpoint: Endpoint) -> Iterator[None]:
    """pybit keeps its socket addresses in its modules."""
    with ExitStack() as stack:
        for module, name, address in (
            (pybit, "PRIVATE_WSS", endpoint.private_stream),
            (pybit, "PUBLIC_WSS", f"{endpoint.ws_public}/v5/public/{{CHANNEL_TYPE}}"),
            (pybit_trading, "TRADE_WSS", f"{endpoint.ws_private}/v5/trade"),
        ):
            stack.enter_context(patch.object(module, name, address))
        yield


@contextmanager
def _acknowledgements() -> Iterator["Queue[str]"]:
    heard: Queue[str] = Queue()

    class Acknowledged(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.getMessage().startswith("Subscription to"):
                heard.put(record.getMessage())

    said, handler = logging.getLogger("pybit._websocket_stream"), Acknowledged()
    said.addHandler(handler)
    level = said.level
    said.setLevel(logging.DEBUG)
    try:
        yield heard
    finally:
        said.setLevel(level)
        said.removeHandler(handler)
