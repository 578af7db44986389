"""A visitor at the paper exchange's door, without a network: any bytes in, the venue's answer out."""

from dataclasses import dataclass
from typing import Any

import orjson
from starlette.types import Message

from services.paper_exchange.adapters.http.door import Door
from tests.support.bybit_signed import signed_headers


@dataclass(frozen=True)
class Heard:
    status: int
    body: Any  # decoded JSON, which a test knows the shape of
    headers: dict[str, str]


async def knock(
    door: Door, method: str, path: str, *, query: bytes = b"", body: bytes = b"", headers: dict[str, str] | None = None
) -> Heard:
    """Ask, signed with the right key unless `headers` say otherwise."""
    signed = headers if headers is not None else signed_headers(body if method == "POST" else query)
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
