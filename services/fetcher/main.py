"""Fetcher: hear the whole market once, and tell every closed candle once, in order, to everybody."""

from libs.common.clock import SystemClock
from libs.common.health import Health, health_app
from libs.common.http import serve_http
from libs.common.logs import configure_logs
from libs.common.process import run, settle
from libs.common.units import SECOND_MS
from services.fetcher.adapters.candle_files import CandleFiles
from services.fetcher.adapters.gateway import Gateway
from services.fetcher.adapters.outside import open_outside, see_market
from services.fetcher.service import Fetcher
from services.fetcher.settings import FetcherSettings

NAME = "fetcher"


async def main() -> None:
    settings = FetcherSettings.load()
    configure_logs(NAME, settings.service)
    clock, health, home = SystemClock(), Health(NAME, settings.instance), settings.service.home
    host, port, name = settings.api.host, settings.port, settings.instance
    async with (
        serve_http(health_app(health), host=host, port=port, name=name, home=home, clock=clock),
        open_outside(settings, clock) as outside,
    ):
        health.watch(outside.bus, ["position"])
        listing = await see_market(outside.feed, settings.market.symbols, home, health, clock)
        history, stale_ms = settings.fetcher.history, settings.fetcher.stale_s * SECOND_MS
        fetcher = Fetcher(listing.universe, listing.launched, settings.market.timeframes, history, stale_ms)
        files = CandleFiles(home / "candles" / "live")
        settle()
        await Gateway(fetcher, files, outside, health, clock, settings.fetcher.price_interval_ms).run()


if __name__ == "__main__":
    run(main, service=NAME)
