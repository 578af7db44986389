"""Opens a market that another venue makes: which symbols it has, and all that was before."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from random import Random
from typing import Final

import structlog

from libs.common.background import beside
from libs.common.clock import Clock, iso
from libs.common.errors import Misconfigured, Poison, Refused, Transient
from libs.common.exchange.market_types import Instrument
from libs.common.health import Health
from libs.common.retry import backoff
from libs.common.units import MINUTE_MS, Instant
from services.paper_exchange.adapters.live_market import LiveMarket
from services.paper_exchange.adapters.relay import WAITING, Relay
from services.paper_exchange.adapters.upstream_rest import UpstreamRest
from services.paper_exchange.core import upstream_rows as rows
from services.paper_exchange.core.fields import Json
from services.paper_exchange.core.upstream_frames import TickerHeard, instant

log = structlog.get_logger()

MOST_BACK_MS: Final = MINUTE_MS  # the books may be so far ahead of the venue; more, and it is another market


@asynccontextmanager
async def relayed_market(
    url: str, ws_url: str, symbols: Sequence[str] | str, *, since: Instant | None, clock: Clock, health: Health
) -> AsyncIterator[LiveMarket]:
    """Relay the venue at `url` while the block runs; waits until there is one.

    symbols: venue ids, or top:N by turnover. since: where the books' clock stands. Raises Misconfigured for symbols
    that the venue does not list, and for books that are of another time than the venue.
    """
    rest = UpstreamRest(url, clock)
    dice = Random(url)
    try:
        market = await _opened(rest, symbols, since, clock, dice, health)
        async with beside(Relay(market, ws_url, clock=clock, dice=dice, health=health).run()):
            yield market
    finally:
        await rest.close()


async def _opened(
    rest: UpstreamRest, symbols: Sequence[str] | str, since: Instant | None, clock: Clock, dice: Random, health: Health
) -> LiveMarket:
    for wait in backoff(first=0.25, ceiling=15, dice=dice):
        try:
            return await _open(rest, symbols, since)
        except (Transient, Poison, Refused) as error:
            log.warning("upstream.unreachable", reason=str(error))
            health.wait_for(WAITING, str(error))
            await clock.sleep(wait)
    raise AssertionError("a back-off never ends")


async def _open(rest: UpstreamRest, symbols: Sequence[str] | str, since: Instant | None) -> LiveMarket:
    tickers = await rest.get("tickers")
    instruments = _chosen(await _instruments(rest), tickers, symbols)
    book = await rest.get("orderbook", symbol=instruments[0].symbol, limit=1)
    now = rows.reading(lambda result: instant(result["ts"]), book)
    if since is not None and since > now + MOST_BACK_MS:
        raise Misconfigured(
            f"paper.upstream_url: the market there is at {iso(now)}, the books are at {iso(since)}: "
            "choose the venue they belong to, another home or --fresh"
        )
    market = LiveMarket(instruments, rest, start=now, horizon=now if since is None else min(since, now))
    for symbol, fields in rows.reading(rows.tickers, tickers).items():
        market.hear(TickerHeard(now, symbol, True, fields))
    await market.history.load(now)
    log.info("relay.opened", symbols=len(instruments), market=iso(now))
    return market


async def _instruments(rest: UpstreamRest) -> list[Instrument]:
    found: list[Instrument] = []
    cursor = ""
    while True:
        page = await rest.get("instruments-info", limit=1_000, **({"cursor": cursor} if cursor else {}))
        found += rows.reading(rows.instruments, page)
        cursor = str(page.get("nextPageCursor") or "")
        if not cursor:
            return found


def _chosen(listed: Sequence[Instrument], tickers: Json, symbols: Sequence[str] | str) -> Sequence[Instrument]:
    """The instruments that are wanted; raises Misconfigured where the venue lists none of a name."""
    if isinstance(symbols, str):
        turnover = rows.reading(rows.turnovers, tickers)
        ranked = sorted(listed, key=lambda each: (-turnover.get(each.symbol, 0), each.symbol))
        chosen = [each for each in ranked if each.symbol in turnover][: int(symbols.removeprefix("top:"))]
    else:
        chosen = [each for each in listed if each.symbol in symbols]
    unknown = [] if isinstance(symbols, str) else sorted(set(symbols) - {each.symbol for each in chosen})
    if unknown or not chosen:
        raise Misconfigured(
            f"market.symbols = {', '.join(unknown) or symbols}: not listed by the venue of paper.upstream_url"
        )
    return chosen
