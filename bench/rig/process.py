"""Real processes to be measured: the paper exchange and floors to hold it against, on one core, executors, Redis."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bench.rig.machine import pin
from ironkeel.local.redis_server import command_line, url_for, wait_until_answering
from libs.common.clock import SystemClock

OFFSET: Final = 100  # of the paper exchange's port above ports.base
STARTS_S: Final = 60.0
CORE: Final = 0
# so many symbols are to be measured, whatever they are like
UNFILTERED: Final = {
    f"IRONKEEL_MARKET__{limit}": "0" for limit in ("MIN_AGE_DAYS", "MAX_SPREAD", "MIN_VOLATILITY", "MAX_VOLATILITY")
}


@dataclass(frozen=True, slots=True)
class Served:
    """A process that answers on `port`; `home` is its own."""

    pid: int
    port: int
    home: Path


@contextmanager
def exchange(settings: Mapping[str, str], *, under: str | None = None) -> Iterator[Served]:
    """Run the exchange itself, without rate limits, with `settings` of its section; its books are under `under`."""
    port = _free_port()
    told = {
        "IRONKEEL_PAPER__LIMITS": "off",
        "IRONKEEL_PAPER__BALANCE": "1000000000",
        "IRONKEEL_PORTS__BASE": str(port - OFFSET),
        **{f"IRONKEEL_PAPER__{name.upper()}": value for name, value in settings.items()},
    }
    with _served([sys.executable, "-m", "services.paper_exchange.main"], told, port, under) as served:
        yield served


@contextmanager
def floor(kind: str) -> Iterator[Served]:
    """Run a server that does the least that such an answer takes: see bench.rig.floors."""
    port = _free_port()
    with _served([sys.executable, "-m", "bench.rig.floors", kind, str(port)], {}, port, None) as served:
        yield served


@contextmanager
def scripted_venue(symbols: int) -> Iterator[Served]:
    """Run a venue that does as it is told: see bench.rig.scripted."""
    port = _free_port()
    with _served([sys.executable, "-m", "bench.rig.scripted", str(port), str(symbols)], {}, port, None) as served:
        yield served


@contextmanager
def fetcher(
    home: Path, settings: Mapping[str, str], *, instance: str = "fetcher", answers: bool = True
) -> Iterator[Served]:
    """Run a fetcher in `home` on whatever core is idle; several in one home have names of their own.

    answers: yield it when its HTTP server answers, else as soon as the process is there.
    """
    port = _free_port()
    own = {"IRONKEEL_PORTS__BASE": str(port - 1), "IRONKEEL_SERVICE__INSTANCE": instance}
    told = UNFILTERED | own | settings
    with _running([sys.executable, "-m", "services.fetcher.main"], told, home, f"{instance}.log") as process:
        if answers:
            _wait(process, port, home / f"{instance}.log")
        yield Served(process.pid, port, home)


@contextmanager
def executor(home: Path, settings: Mapping[str, str], *, instance: str = "executor") -> Iterator[Served]:
    """Run an executor in `home` on whatever core is idle; several in one home have names of their own."""
    port = _free_port()
    told = {"IRONKEEL_PORTS__BASE": str(port), "IRONKEEL_SERVICE__INSTANCE": instance, **settings}
    with _running([sys.executable, "-m", "services.executor.main"], told, home, f"{instance}.log") as process:
        _wait(process, port, home / f"{instance}.log")
        yield Served(process.pid, port, home)


@contextmanager
def redis_server(home: Path) -> Iterator[str]:
    """Run the embedded Redis of `home`; its URL."""
    with _running(command_line(home), {}, home, "redis.log"):
        url = url_for(home)
        asyncio.run(wait_until_answering(url, clock=SystemClock(), within_s=STARTS_S))
        yield url


@contextmanager
def _served(command: list[str], settings: Mapping[str, str], port: int, under: str | None) -> Iterator[Served]:
    with (
        TemporaryDirectory(prefix="bench-", dir=under) as name,
        _running(command, settings, Path(name), "log") as process,
    ):
        pin(process.pid, CORE)
        _wait(process, port, Path(name) / "log")
        yield Served(process.pid, port, Path(name))


@contextmanager
def _running(
    command: list[str], settings: Mapping[str, str], home: Path, log: str
) -> Iterator["subprocess.Popen[bytes]"]:
    with (home / log).open("wb") as said:
        process = subprocess.Popen(
            command,
            env={**os.environ, **settings, "IRONKEEL_HOME": str(home)},
            stdout=said,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
        if process.poll() is not None:
            raise RuntimeError(f"it ended by itself: {_last_words(home / log)}")
    finally:
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    until = time.monotonic() + STARTS_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError as error:
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"nothing answers on port {port}: {_last_words(log)}") from error
            time.sleep(0.05)
        else:
            return


def _last_words(log: Path) -> str:
    return log.read_text(errors="replace")[-2_000:]


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def pin_generator() -> None:
    """Keep this process off the core of what it measures."""
    pin(0, CORE + 1)
