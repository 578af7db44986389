"""Paper exchange: a venue in a process, whose books are the truth that everything else is judged by."""

from libs.common.clock import SystemClock
from libs.common.health import Health
from libs.common.http import serve_http
from libs.common.logs import configure_logs
from libs.common.process import run, settle
from services.paper_exchange.adapters.disk.books_file import BooksFile
from services.paper_exchange.adapters.http.app import exchange_app
from services.paper_exchange.adapters.http.restarts import Restarts
from services.paper_exchange.adapters.http.venue_clock import VenueClock
from services.paper_exchange.adapters.markets.markets import opened_market
from services.paper_exchange.adapters.sockets.private_ws import PrivateHub
from services.paper_exchange.adapters.sockets.public_ws import PublicHub
from services.paper_exchange.core.faults.faults import Faults
from services.paper_exchange.service import World
from services.paper_exchange.settings import PaperExchangeSettings


async def main() -> None:
    settings = PaperExchangeSettings.load()
    configure_logs("paper_exchange", settings.service)
    clock, known, stood = SystemClock(), BooksFile.known_terms(settings.books), BooksFile.known_clock(settings.books)
    health = Health("paper_exchange", settings.name)
    async with opened_market(settings, clock, known=known, stood=stood, health=health) as (market, terms):
        restarts, opening = Restarts(clock), settings.opening(terms)
        async for _life in restarts.lives():
            with BooksFile(settings.books, world=settings.world).on(terms) as file:
                shown = VenueClock(clock, Faults())
                private = PrivateHub(shown, settings.key)
                world = World.open(market, file, private, opening, clock=clock)
                app = exchange_app(world, file, private, PublicHub(world, shown), settings.key, shown, restarts, health)
                settle()
                async with serve_http(app, **settings.place, clock=clock):
                    await restarts.live(world.run())
                opening = world.opening


if __name__ == "__main__":
    run(main, service="paper_exchange")
