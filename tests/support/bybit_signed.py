"""Requests signed by hand: what the venue documents, without any client's opinion of it."""

import hashlib
import hmac
from typing import Any

import httpx
import orjson

from libs.common.clock import SystemClock
from tests.support.paper_venue import KEY, SECRET

USUAL = {"category": "linear", "symbol": "BTCUSDT"}


def signature(text: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()


def signed_headers(payload: bytes, *, key: str = KEY, secret: str = SECRET, late_ms: int = 0) -> dict[str, str]:
    at = str(SystemClock().now() - late_ms)
    return {
        "X-BAPI-API-KEY": key,
        "X-BAPI-TIMESTAMP": at,
        "X-BAPI-RECV-WINDOW": "5000",
        "X-BAPI-SIGN": signature(f"{at}{key}5000".encode() + payload, secret),
    }


async def get(http: httpx.AsyncClient, path: str, query: str = "") -> httpx.Response:
    return await http.get(f"/v5/{path}?{query}", headers=signed_headers(query.encode()))


async def post(http: httpx.AsyncClient, path: str, body: bytes, **signing: Any) -> httpx.Response:
    return await http.post(f"/v5/{path}", content=body, headers=signed_headers(body, **signing))


async def ask(http: httpx.AsyncClient, path: str, query: str = "") -> Any:
    """The envelope of a signed GET."""
    answer = await get(http, path, query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def tell(http: httpx.AsyncClient, path: str, **fields: Any) -> Any:
    """The envelope of a signed POST about a linear contract, BTCUSDT unless `fields` name one."""
    answer = await post(http, path, orjson.dumps({**USUAL, **fields}))
    assert answer.status_code == 200, answer.text
    return answer.json()


def entry(**changes: Any) -> bytes:
    """The body of the smallest market order."""
    return orjson.dumps({**USUAL, "side": "Buy", "orderType": "Market", "qty": "0.001", **changes})


def auth_message(lead_ms: int = 10_000, *, secret: str = SECRET, as_text: bool = False) -> dict[str, Any]:
    """What opens a signed socket."""
    expires = SystemClock().now() + lead_ms
    sign = signature(f"GET/realtime{expires}".encode(), secret)
    return {"op": "auth", "args": [KEY, str(expires) if as_text else expires, sign]}
