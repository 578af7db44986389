"""Requests signed by hand: what the venue documents, without any client's opinion of it."""

import hashlib
import hmac
from typing import Any

import httpx
import orjson

from libs.common.clock import SystemClock
from tests.support.paper_venue import KEY, SECRET


def signature(text: str) -> str:
    return hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()


def signed_headers(payload: str) -> dict[str, str]:
    at = str(SystemClock().now())
    return {
        "X-BAPI-API-KEY": KEY,
        "X-BAPI-TIMESTAMP": at,
        "X-BAPI-RECV-WINDOW": "5000",
        "X-BAPI-SIGN": signature(f"{at}{KEY}5000{payload}"),
    }


async def ask(http: httpx.AsyncClient, path: str, query: str = "") -> Any:
    """The envelope of a signed GET."""
    answer = await http.get(f"/v5/{path}?{query}", headers=signed_headers(query))
    assert answer.status_code == 200, answer.text
    return answer.json()


async def tell(http: httpx.AsyncClient, path: str, **fields: Any) -> Any:
    """The envelope of a signed POST about a linear contract, BTCUSDT unless `fields` name one."""
    body = orjson.dumps({"category": "linear", "symbol": "BTCUSDT", **fields}).decode()
    answer = await http.post(f"/v5/{path}", content=body, headers=signed_headers(body))
    assert answer.status_code == 200, answer.text
    return answer.json()


def auth_message(lead_ms: int = 10_000) -> dict[str, Any]:
    """What opens a signed socket."""
    expires = SystemClock().now() + lead_ms
    return {"op": "auth", "args": [KEY, expires, signature(f"GET/realtime{expires}")]}
