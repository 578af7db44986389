"""Paper exchange: a venue in a process, whose books are the truth that everything else is judged by."""

from libs.common.clock import SystemClock
from libs.common.http import serve_http
from libs.common.logs import configure_logs
from libs.common.process import run
from services.paper_exchange.adapters.app import exchange_app
from services.paper_exchange.adapters.books_file import BooksFile
from services.paper_exchange.adapters.markets import open_market
from services.paper_exchange.adapters.private_ws import PrivateHub
from services.paper_exchange.adapters.public_ws import PublicHub
from services.paper_exchange.service import World
from services.paper_exchange.settings import PaperExchangeSettings


async def main() -> None:
    settings = PaperExchangeSettings.load()
    configure_logs("paper_exchange", settings.service)
    clock = SystemClock()
    known = BooksFile.known_terms(settings.books)
    market, terms = open_market(settings.paper, settings.market, wall=clock.now(), known=known)
    with BooksFile(settings.books, world=settings.world) as file:
        file.keep_terms(terms)
        private = PrivateHub(clock, settings.key)
        world = World.open(market, file, private, settings.opening(terms), clock=clock)
        public = PublicHub(world, clock)
        world.onlookers.append(public)
        app = exchange_app(world, file, private, public, settings.key, clock)
        host, port, home = settings.api.host, settings.port, settings.service.home
        async with serve_http(app, host=host, port=port, name=settings.name, home=home, clock=clock):
            await world.run()


if __name__ == "__main__":
    run(main, service="paper_exchange")
