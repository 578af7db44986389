"""A real Redis for tests: one server per test process, one prefix per test, and one to be killed."""

import signal
import subprocess
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
import redis

from ironkeel.local.redis_server import command_line, url_for, wait_until_answering
from libs.common.clock import SystemClock
from tests.support.system import until

_numbers = count()


class RedisServer:
    """A server process with data in `home`, as the operator's tool starts it."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return url_for(self._home)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def spawn(self) -> None:
        """Start without waiting for an answer."""
        self._process = subprocess.Popen(command_line(self._home), stdout=subprocess.DEVNULL)

    async def restart(self) -> None:
        self.spawn()
        await wait_until_answering(self.url, clock=SystemClock(), within_s=20)

    def kill(self) -> None:
        """SIGKILL: what was not synced is lost."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(timeout=20)
            self._process = None


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of this test process's own server; it answers."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.spawn()
    until(lambda: _answers(server.url), within=20, what=f"an answer of {server.url}")
    yield server.url
    server.stop()


def _answers(url: str) -> bool:
    """Synchronous: an async test's loop may be running already when the first test asks for the server."""
    try:
        return bool(redis.Redis.from_url(url).ping())
    except redis.exceptions.RedisError:
        return False


@pytest.fixture
def redis_prefix() -> str:
    """A prefix that no other test of this process uses."""
    return f"t{next(_numbers)}:"


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A server of the test's own, not started: `await redis_server.restart()`, `.kill()`, `.stop()`."""
    server = RedisServer(tmp_path / "own")
    yield server
    server.stop()
