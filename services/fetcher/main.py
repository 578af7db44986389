"""Fetcher: hear the whole market once, and tell every closed candle once, in order, to everybody."""

from libs.common.clock import SystemClock
from libs.common.health import Health, health_app
from libs.common.http import serve_http
from libs.common.logs import configure_logs
from libs.common.process import run, settle
from services.fetcher.adapters.choosing import Choosing
from services.fetcher.adapters.gateway import Gateway
from services.fetcher.adapters.outside import open_outside
from services.fetcher.adapters.universe_api import universe_routes
from services.fetcher.adapters.universe_file import UniverseFile
from services.fetcher.service import Fetcher
from services.fetcher.settings import FetcherSettings

NAME = "fetcher"


async def main() -> None:
    settings = FetcherSettings.load()
    configure_logs(NAME, settings.service)
    clock, health, home = SystemClock(), Health(NAME, settings.instance), settings.service.home
    host, port, name, app = settings.api.host, settings.port, settings.instance, health_app(health)
    async with (
        serve_http(app, host=host, port=port, name=name, home=home, clock=clock),
        open_outside(settings, clock) as outside,
    ):
        health.watch(outside.bus, Gateway.reads)
        choosing = Choosing(settings.terms, outside.feed, outside.board, UniverseFile(home), health, clock)
        app.include_router(universe_routes(choosing))
        history, stale_ms = settings.fetcher.history, settings.stale_ms
        fetcher = Fetcher(await choosing.begin(), settings.market.timeframes, history, stale_ms)
        settle()
        await Gateway(fetcher, choosing, outside, health, clock, settings.fetcher.price_interval_ms).run()


if __name__ == "__main__":
    run(main, service=NAME)
