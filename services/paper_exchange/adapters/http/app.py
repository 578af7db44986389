"""The exchange's one HTTP server: the venue's dialect, public and signed, its sockets, its books and its health."""

from decimal import Decimal
from typing import Protocol

from fastapi import FastAPI
from starlette.routing import BaseRoute

from libs.common.health import Health, health_routes
from libs.common.units import Instant
from services.paper_exchange.adapters.disk.books_file import BooksFile
from services.paper_exchange.adapters.http.audit_api import Audited, audit_routes
from services.paper_exchange.adapters.http.clock_api import Clocked, clock_routes
from services.paper_exchange.adapters.http.door import Door
from services.paper_exchange.adapters.http.faults_api import Hands, LosesStops, fault_routes
from services.paper_exchange.adapters.http.misled import Misled
from services.paper_exchange.adapters.http.private_rest import DatedDesk, signed_endpoints
from services.paper_exchange.adapters.http.public_rest import public_endpoints
from services.paper_exchange.adapters.http.questions import Account, questions
from services.paper_exchange.adapters.http.reception import Key, Reception
from services.paper_exchange.adapters.http.restarts import Restarts
from services.paper_exchange.adapters.http.venue_clock import VenueClock
from services.paper_exchange.adapters.sockets.private_ws import PrivateHub
from services.paper_exchange.adapters.sockets.public_ws import Playing, PublicHub
from services.paper_exchange.adapters.sockets.trade_ws import TradeHub
from services.paper_exchange.adapters.sockets.unruly_sockets import UnrulySockets
from services.paper_exchange.core.market.market import Market


class Onlookers(Protocol):
    """Who is told that the market moved."""

    def moved(self, after: Instant, until: Instant) -> None: ...


class Exchange(Account, Audited, Clocked, DatedDesk, LosesStops, Playing, Protocol):
    """The world as all of its endpoints see it."""

    onlookers: list[Onlookers]

    speed: Decimal | None

    @property
    def market(self) -> Market: ...

    @property
    def now(self) -> Instant: ...


def exchange_app(
    world: Exchange,
    file: BooksFile,
    private: PrivateHub,
    public: PublicHub,
    key: Key,
    clock: VenueClock,
    restarts: Restarts,
    health: Health,
) -> Door:
    """Return the application; the market's clock is moved by its own endpoint or by the world."""
    health.done_with("starting")
    app = FastAPI(title="Ironkeel paper exchange")
    app.include_router(health_routes(health))
    world.books.scarcity = clock.faults.scarcity
    world.onlookers.append(public)
    sockets = UnrulySockets(app, clock.faults, clock)
    misled = Misled(world, clock.faults, clock)
    endpoints = {
        **public_endpoints(world, clock),
        **signed_endpoints(world, misled.answering(questions(world, file.connection))),
    }
    reception = Reception(world, key, clock, endpoints, clock.faults)
    routes: list[BaseRoute] = [
        *fault_routes(clock.faults, Hands(sockets, misled, world, restarts), clock),
        *audit_routes(world, file, clock),
        *clock_routes(world, [public, private], clock),
        public.route(),
        private.route(),
        TradeHub(reception, clock).route(),
    ]
    app.router.routes.extend(routes)
    return Door(reception, sockets, clock)
