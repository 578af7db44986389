import asyncio

import pytest
from starlette.types import Message
from starlette.websockets import WebSocket, WebSocketState

from services.paper_exchange.adapters.sockets.outbox import Outbox

pytestmark = pytest.mark.anyio


def outbox(sent: list[str], most: int = 10) -> Outbox:
    async def send(message: Message) -> None:
        sent.append(message["text"])

    async def receive() -> Message:
        raise AssertionError("nobody listens")

    socket = WebSocket({"type": "websocket"}, receive, send)
    socket.application_state = WebSocketState.CONNECTED
    return Outbox(socket, most=most)


async def test_frames_are_sent_in_order_and_then_it_is_drained() -> None:
    sent: list[str] = []
    box = outbox(sent)
    sending = asyncio.create_task(box.send_all())

    for frame in ("1", "2", "3"):
        box.put(frame)
    await asyncio.wait_for(box.drained(), 10)

    assert sent == ["1", "2", "3"]
    sending.cancel()


async def test_one_frame_too_many_gives_the_client_up() -> None:
    box = outbox([], most=2)

    for frame in ("1", "2"):
        box.put(frame)
    assert not box.given_up.is_set()
    box.put("3")

    assert box.given_up.is_set()


async def test_nobody_waits_for_a_client_that_is_gone() -> None:
    box = outbox([])
    box.put("1")

    box.close()

    await asyncio.wait_for(box.drained(), 10)
