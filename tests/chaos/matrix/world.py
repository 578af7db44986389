"""What executors live in: the paper exchange and Redis, made anew for every run without starting anything again.

The exchange is the product's own application over real HTTP and WebSocket, served from the run's own process over
fresh books; Redis is one real server a worker, flushed between runs.
"""

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Final

import httpx
import redis
from pydantic import JsonValue

from ironkeel.local.redis_server import command_line, url_for
from libs.common.clock import SystemClock
from libs.common.exchange.endpoints import Endpoint
from libs.common.health import Health
from libs.common.http import serve_http
from libs.common.units import Instant, Price, Symbol, Usd
from services.paper_exchange.adapters.disk.books_file import BooksFile
from services.paper_exchange.adapters.http.app import exchange_app
from services.paper_exchange.adapters.http.reception import Key
from services.paper_exchange.adapters.http.restarts import Restarts
from services.paper_exchange.adapters.http.venue_clock import VenueClock
from services.paper_exchange.adapters.sockets.private_ws import PrivateHub
from services.paper_exchange.adapters.sockets.public_ws import PublicHub
from services.paper_exchange.core.books.fields import Fields
from services.paper_exchange.core.faults.faults import Faults
from services.paper_exchange.service import Opening, World
from tests.chaos.matrix.executor_process import PREFIX
from tests.chaos.matrix.faults import Order
from tests.chaos.matrix.patience import until
from tests.chaos.matrix.tape import Tape
from tests.support.paper_venue import KEY, SECRET

BALANCE: Final = Usd(Decimal(1_000))


class RedisServer:
    """One worker's own server: its data outlives a SIGKILL, and nothing outlives `empty`."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._command = command_line(home)
        self._process = self._spawned()
        self.client = redis.Redis.from_url(self.url)
        self.wait()

    @property
    def url(self) -> str:
        return url_for(self._home)

    def _spawned(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )

    def answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.exceptions.RedisError:
            return False

    def wait(self) -> None:
        """Return when it answers."""
        while not self.answers():
            assert self._process.poll() is None, "Redis does not start"
            os.sched_yield()

    def empty(self) -> None:
        self.client.flushall()

    def lose_groups(self) -> None:
        """The consumer groups of the executor are gone, with what was pending in them."""
        for stream in ("signal", "command"):
            if self.client.exists(f"{PREFIX}{stream}"):
                self.client.xgroup_destroy(f"{PREFIX}{stream}", "executor")

    async def die(self, down_s: float) -> None:
        """SIGKILL, and come back from disk."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        await asyncio.sleep(down_s)
        self._process = self._spawned()
        await until(self.answers, look_s=0.02)

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        self.client.close()


@dataclass
class Exchange:
    """The running venue: its market moves as the story writes it."""

    tape: Tape
    home: Path
    endpoint: Endpoint = field(init=False)
    http: httpx.AsyncClient = field(init=False)
    world: World = field(init=False)
    up: asyncio.Event = field(default_factory=asyncio.Event)

    async def live(self, started: "asyncio.Future[int]") -> None:
        """As services/paper_exchange/main.py: one life after another, on one port and from one set of books."""
        clock = SystemClock()
        restarts, port = Restarts(clock), 0
        opening = Opening(BALANCE, 7, None, paused=False)
        async for _life in restarts.lives():
            with BooksFile(self.home / "paper" / "books.db", world="matrix") as file:
                shown = VenueClock(clock, Faults())
                private = PrivateHub(shown, Key(KEY, SECRET, None))
                self.world = World.open(self.tape, file, private, opening, clock=clock)
                public = PublicHub(self.world, shown)
                health = Health("paper_exchange", "paper_exchange")
                app = exchange_app(self.world, file, private, public, Key(KEY, SECRET, None), shown, restarts, health)
                where = {"host": "127.0.0.1", "port": port, "name": "exchange", "home": self.home}
                async with serve_http(app, clock=clock, **where) as port:  # type: ignore[arg-type]
                    if not started.done():
                        started.set_result(port)
                    self.up.set()
                    await restarts.live(self.world.run())
                    self.up.clear()

    @property
    def now(self) -> Instant:
        """Market time."""
        return self.world.now

    def price(self, symbol: Symbol) -> Price:
        return self.world.books.last[symbol]

    async def moves(self, prices: Mapping[Symbol, Price], ms: int) -> None:
        """Let the market go on by `ms`; the prices come in its first second."""
        for symbol, price in prices.items():
            self.tape.write(symbol, price, Instant(self.now + 500))
        await self._posted("/paper/v1/clock", {"step": ms})

    async def befalls(self, rule: Order) -> None:
        await self._posted("/paper/v1/faults", dict(rule))

    async def _posted(self, path: str, body: Mapping[str, JsonValue]) -> None:
        """Ask until it is done: the exchange may be restarting."""
        while True:
            await self.up.wait()
            try:
                answer = await self.http.post(path, json=body)
            except httpx.TransportError:
                await asyncio.sleep(0.05)
                continue
            assert answer.status_code == 200, answer.text
            return

    async def trades_by_hand(self, symbol: Symbol, side: str, qty: Decimal, *, reduce: bool) -> None:
        """Somebody trades on our account."""
        await self.up.wait()
        order: dict[str, JsonValue] = {"category": "linear", "symbol": symbol, "side": side, "orderType": "Market"}
        self.world.command("/v5/order/create", Fields({**order, "qty": str(qty), "reduceOnly": reduce}))
        await self.world.durable()

    async def audit(self) -> dict[str, JsonValue]:
        await self.up.wait()
        body: dict[str, JsonValue] = (await self.http.get("/paper/v1/audit")).json()
        return body


@asynccontextmanager
async def exchange(home: Path) -> AsyncIterator[Exchange]:
    """Serve a new exchange with its books in `home`."""
    venue = Exchange(Tape(), home)
    started: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    living = asyncio.create_task(venue.live(started))
    living.add_done_callback(lambda _: started.cancel())
    await asyncio.wait({started})
    if started.cancelled():
        living.result()
    at = f"127.0.0.1:{started.result()}"
    venue.endpoint = Endpoint(f"http://{at}", f"ws://{at}", f"ws://{at}")
    async with httpx.AsyncClient(base_url=f"http://{at}", timeout=10, trust_env=False, verify=False) as venue.http:
        yield venue
    living.cancel()
    await asyncio.gather(living, return_exceptions=True)
