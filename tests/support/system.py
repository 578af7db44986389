"""The whole of Ironkeel as a user starts it: one `ironkeel up` in a home of its own, on ports of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar

import redis

from ironkeel.local.home import open_home
from ironkeel.local.programs import REDIS
from ironkeel.local.supervisor import states
from libs.common.settings.sections import PORT_OFFSETS

ROOT = Path(__file__).parents[2]
PORTS_PER_SYSTEM = 200

T = TypeVar("T")


def free_port_base() -> int:
    """A base whose whole range of ports is free; each xdist worker looks in a range of its own."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    for base in range(20_000 + worker * 4_000, 24_000 + worker * 4_000, PORTS_PER_SYSTEM):
        if all(_is_free(base + offset) for offset in (0, 1, 2, 3, 4, 100)):
            return base
    raise AssertionError("no free range of ports")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def until(answer: Callable[[], T | None], *, within: float, what: str) -> T:
    """Ask again and again until there is an answer; fails naming what never came."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        found = answer()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"not within {within:.0f} s: {what}")


@dataclass
class System:
    home: Path
    arguments: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    base: int = field(default_factory=free_port_base)
    process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def env(self) -> dict[str, str]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("IRONKEEL_")}
        return {**inherited, "IRONKEEL_PORTS__BASE": str(self.base), **self.environment}

    def start(self) -> None:
        output = (self.home.parent / f"{self.home.name}.out").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ironkeel", "up", "--home", str(self.home), *self.arguments],
            cwd=ROOT,
            env=self.env,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )

    def stop(self, within: float = 20) -> int:
        """Ctrl-C to the process; fails if anything takes too long."""
        assert self.process
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(within)
        finally:
            if self.process.poll() is None:
                self.process.kill()

    def output(self) -> str:
        return (self.home.parent / f"{self.home.name}.out").read_text(errors="replace")

    def tool(self, *words: str, within: float = 60) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "ironkeel", *words, "--home", str(self.home)],
            cwd=ROOT,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=within,
            check=False,
        )

    def get(self, path: str, offset: int = 0) -> Any:
        """GET from the executor (offset 0), postmortem (3) or paper exchange (100); None while it is down."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.base + offset}{path}", timeout=10) as answer:
                return json.load(answer)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return None

    def items(self, path: str, offset: int = 0) -> list[dict[str, Any]]:
        """Every page of a list."""
        rows: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page = until(partial(self.get, f"{path}?limit=500{cursor}", offset), within=30, what=path)
            rows += page["items"]
            if not page["next"]:
                return rows
            cursor = f"&cursor={page['next']}"

    def services(self) -> dict[str, dict[str, Any]]:
        """What `ironkeel status --json` lists, by name."""
        said = self.tool("status", "--json")
        return {service["name"]: service for service in json.loads(said.stdout)["services"]}

    def pid(self, name: str) -> int | None:
        """The process of a service, from its supervisor; None while it is dead."""
        found = states(open_home(self.home)).get(name)
        return found.pid if found else None

    def is_ready(self, name: str) -> bool:
        """Whether a process can do its work now."""
        if name == REDIS:
            return self._redis_answers()
        return bool(self.get("/health/ready", PORT_OFFSETS[name]))

    def redis(self) -> "redis.Redis":
        """A client of the embedded server; the caller closes it."""
        running = open_home(self.home).running()
        assert running, "nothing was started in this home"
        return redis.Redis.from_url(running.redis_url, socket_timeout=5)

    def _redis_answers(self) -> bool:
        with self.redis() as client:
            try:
                return bool(client.ping())
            except (redis.RedisError, OSError):
                return False

    def kill(self, name: str) -> int:
        """SIGKILL a service; returns the pid that died."""
        pid = until(lambda: self.pid(name), within=30, what=f"a living {name}")
        os.kill(pid, signal.SIGKILL)
        return pid

    def wait_ready(self, within: float = 180) -> None:
        def ready() -> bool:
            assert self.process
            assert self.process.poll() is None, self.output()[-4000:]
            status = self.get("/v1/status")
            return bool(status and status["phase"] != "RECOVERING" and self.get("/health/ready"))

        until(ready, within=within, what="a ready system\n" + self.output()[-2000:])
