"""Bodies of requests are small: a larger one is refused before anything reads it whole."""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libs.common.problems import problem

MOST: Final = 65_536  # bytes


class SmallBodies:
    """An application behind a door that lets no large body in."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        heard: list[Message] = []
        size, more = 0, True
        while more:
            message = await receive()
            heard.append(message)
            size += len(message.get("body", b""))
            more = message.get("more_body", False)
            if size > MOST:
                await problem(413, f"the body has more than {MOST} bytes")(scope, receive, send)
                return

        async def again() -> Message:
            return heard.pop(0) if heard else await receive()

        await self._app(scope, again, send)
