"""A visitor at the paper exchange's door, without a network: any bytes in, the venue's answer out."""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.types import Message

from libs.common.clock import SystemClock
from services.paper_exchange.adapters.http.door import Door


@dataclass(frozen=True)
class Heard:
    status: int
    body: Any  # decoded JSON, which a test knows the shape of
    headers: dict[str, str]


async def knock(
    door: Door, method: str, path: str, *, query: bytes = b"", body: bytes = b"", headers: dict[str, str] | None = None
) -> Heard:
    """Ask, signed with the right key unless `headers` say otherwise."""
    signed = headers if headers is not None else signature(body if method == "POST" else query)
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query,
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in signed.items()],
        "client": ("127.0.0.1", 1),
    }
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    await door(scope, receive, send)
    told = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return Heard(sent[0]["status"], orjson.loads(sent[1]["body"]), told)


def signature(payload: bytes) -> dict[str, str]:
    at = str(SystemClock().now())
    sign = hmac.new(b"paper", f"{at}paper5000".encode() + payload, hashlib.sha256).hexdigest()
    return {"X-BAPI-API-KEY": "paper", "X-BAPI-TIMESTAMP": at, "X-BAPI-RECV-WINDOW": "5000", "X-BAPI-SIGN": sign}
