"""The exchange's one HTTP server: the venue's dialect, public and signed, its sockets, its books and its health."""

from decimal import Decimal
from typing import Protocol

from fastapi import FastAPI
from starlette.routing import BaseRoute

from libs.common.clock import Clock
from libs.common.health import Health, health_routes
from libs.common.units import Instant
from services.paper_exchange.adapters.audit_api import Audited, audit_routes
from services.paper_exchange.adapters.books_file import BooksFile
from services.paper_exchange.adapters.clock_api import Clocked, clock_routes
from services.paper_exchange.adapters.door import Door
from services.paper_exchange.adapters.faults_api import fault_routes
from services.paper_exchange.adapters.private_rest import signed_endpoints
from services.paper_exchange.adapters.private_ws import PrivateHub
from services.paper_exchange.adapters.public_rest import public_endpoints
from services.paper_exchange.adapters.public_ws import Playing, PublicHub
from services.paper_exchange.adapters.questions import questions
from services.paper_exchange.adapters.reception import Key, Reception
from services.paper_exchange.core.faults import Faults
from services.paper_exchange.core.market import Market


class Exchange(Audited, Clocked, Playing, Protocol):
    """The world as all of its endpoints see it."""

    speed: Decimal | None

    @property
    def market(self) -> Market: ...

    @property
    def now(self) -> Instant: ...


def exchange_app(
    world: Exchange, file: BooksFile, private: PrivateHub, public: PublicHub, key: Key, clock: Clock
) -> Door:
    """Return the application; the market's clock is moved by its own endpoint or by the world."""
    health = Health("paper_exchange")
    health.done_with("starting")
    faults = Faults()
    endpoints = {
        **public_endpoints(world, clock),
        **signed_endpoints(world, questions(world, file.connection)),
    }
    reception = Reception(world, key, clock, endpoints, faults)
    app = FastAPI(title="Ironkeel paper exchange")
    app.include_router(health_routes(health))
    routes: list[BaseRoute] = [
        *fault_routes(faults, private),
        *audit_routes(world, file.connection),
        *clock_routes(world, [public, private], clock),
        public.route(),
        private.route(),
    ]
    app.router.routes.extend(routes)
    return Door(reception, app, clock)
