"""The TCP connection under an application, to be cut without a word."""

from typing import Protocol

from starlette.types import Receive, Send


class Transport(Protocol):
    def close(self) -> None: ...

    def abort(self) -> None: ...


def transport_of(send: Send) -> Transport:
    """Return what a server's own `send` writes to: uvicorn keeps it beside the method, and shows it nowhere else."""
    owner = getattr(send, "__self__", None)
    transport: Transport | None = getattr(owner, "transport", None)
    if transport is None:
        raise TypeError("only a connection of uvicorn's can be cut")
    return transport


async def hang_up(receive: Receive, send: Send) -> None:
    """Close an HTTP connection instead of answering, and return when it is gone."""
    transport_of(send).close()
    while (await receive())["type"] != "http.disconnect":
        pass
