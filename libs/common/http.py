"""One HTTP server per process: its port, its place in `<home>/run`, its clean end."""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

import orjson
import structlog
import uvicorn
from starlette.types import ASGIApp

from libs.common.clock import Clock
from libs.common.errors import Misconfigured
from libs.common.settings.sections import PORT_OFFSETS

log = structlog.get_logger()

_GRACE_S: Final = 2  # for requests that are still being answered at the end


@asynccontextmanager
async def serve_http(app: ASGIApp, *, host: str, port: int, name: str, home: Path, clock: Clock) -> AsyncIterator[int]:
    """Serve `app` while the block runs, and yield the port it is served on.

    name: the instance, such as `fetcher` or `fetcher-2`. A numbered replica has a free port, for the first one may be
    restarting and wants its own back; any other has a free one if `port` is taken. For the service's first instance
    that is Misconfigured. `<home>/run/<name>.json` tells where it is while it runs.
    """
    listening = _listen(host, port, name)
    taken = int(listening.getsockname()[1])
    server = _Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=_GRACE_S,
            lifespan="on",
            ws_per_message_deflate=False,  # a frame for many clients would be compressed for each of them
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        await _started(server, serving, clock)
        with _announced(home, name, taken, clock):
            log.info("http.served", host=host, port=taken)
            yield taken
    finally:
        server.should_exit = True
        await asyncio.gather(serving, return_exceptions=True)
        listening.close()


class _Server(uvicorn.Server):
    """A server that leaves signals to the process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _listen(host: str, port: int, name: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, 0 if _is_numbered(name) else port))
    except OSError as error:
        if name in PORT_OFFSETS:
            listening.close()
            raise Misconfigured(
                f"port {port} on {host} is not free ({error.strerror}): stop what uses it, or shift all ports "
                "with ports.base (IRONKEEL_PORTS__BASE)"
            ) from error
        listening.bind((host, 0))
    listening.listen()
    listening.setblocking(False)
    return listening


def _is_numbered(name: str) -> bool:
    service, _, number = name.rpartition("-")
    return service in PORT_OFFSETS and number.isdigit()


async def _started(server: uvicorn.Server, serving: "asyncio.Task[None]", clock: Clock) -> None:
    while not server.started:
        if serving.done():
            await serving
            raise Misconfigured("the HTTP server ended before it began")
        await clock.sleep(0.005)


@contextmanager
def _announced(home: Path, name: str, port: int, clock: Clock) -> Iterator[None]:
    """Write `<home>/run/<name>.json`, whole or not at all, and take it away again."""
    file = home / "run" / f"{name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_suffix(".tmp")
    new.write_bytes(orjson.dumps({"name": name, "pid": os.getpid(), "port": port, "started": clock.now()}))
    new.replace(file)
    try:
        yield
    finally:
        with contextlib.suppress(FileNotFoundError):
            file.unlink()
