"""Opens a market that another venue makes: which symbols it has, and where their prices are."""

from collections.abc import AsyncIterator, Sequence, Set
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

import orjson
import structlog
from pydantic import JsonValue

from libs.common.background import beside
from libs.common.clock import Clock, iso
from libs.common.errors import Misconfigured, Poison, Refused, Transient
from libs.common.exchange.market_types import Instrument
from libs.common.health import Health
from libs.common.retry import backoff
from libs.common.units import MINUTE_MS, Instant, Symbol
from services.paper_exchange.adapters.markets.live_market import LiveMarket
from services.paper_exchange.adapters.markets.relay import Relay
from services.paper_exchange.adapters.markets.upstream_rest import UpstreamRest
from services.paper_exchange.core.books.fields import Json
from services.paper_exchange.core.relayed import upstream_rows as rows
from services.paper_exchange.core.relayed.upstream_frames import TickerHeard, instant
from services.paper_exchange.core.relayed.upstream_rows import reading

log = structlog.get_logger()

MOST_BACK_MS: Final = MINUTE_MS  # the books may be so far ahead of the venue; more, and it is another market


@dataclass(frozen=True, slots=True)
class Upstream:
    """Bases of a venue's public REST and stream, and the file that remembers what it lists."""

    rest: str
    stream: str
    kept: Path


@asynccontextmanager
async def relayed_market(
    upstream: Upstream, symbols: Sequence[str] | str, *, since: Instant | None, clock: Clock, health: Health
) -> AsyncIterator[LiveMarket]:
    """Relay a venue while the block runs. Waits for it, unless it was there before and the books have a clock.

    symbols: venue ids, or top:N by turnover. since: where the books' clock stands. Raises Misconfigured for symbols
    that the venue does not list, and for books that are of another time than the venue.
    """
    rest = UpstreamRest(upstream.rest, clock)
    dice = Random(upstream.rest)  # noqa: S311 spreads reconnects, guards nothing
    try:
        market = await _opened(_Opening(rest, upstream.kept, symbols, since), clock, dice)
        async with beside(Relay(market, upstream.stream, clock=clock, dice=dice, health=health).run()):
            yield market
    finally:
        await rest.close()


async def _opened(opening: "_Opening", clock: Clock, dice: Random) -> LiveMarket:
    waits = backoff(first=0.25, ceiling=15, dice=dice)
    while (market := await opening.market()) is None:
        await clock.sleep(next(waits))
    return market


@dataclass(frozen=True, slots=True)
class _Opening:
    rest: UpstreamRest
    kept: Path
    symbols: Sequence[str] | str
    since: Instant | None

    async def market(self) -> LiveMarket | None:
        """The market as the venue lists it, or as it did before; None when there is neither."""
        try:
            return await self._asked()
        except (Transient, Poison, Refused) as error:
            log.warning("upstream.unreachable", reason=str(error))
        return self._remembered()

    async def _asked(self) -> LiveMarket:
        tickers = await self.rest.get("tickers")
        listed = await _instruments(self.rest)
        instruments = chosen(reading(rows.instruments, listed), tickers, self.symbols, before=self._before())
        book = await self.rest.get("orderbook", symbol=instruments[0].symbol, limit=1)
        now = reading(lambda result: instant(result["ts"]), book)
        if self.since is not None and self.since > now + MOST_BACK_MS:
            raise Misconfigured(
                f"paper.upstream_url: the market there is at {iso(now)}, the books are at {iso(self.since)}: "
                "choose the venue they belong to, another home or --fresh"
            )
        market = self._made(instruments, tickers, now)
        self._remember(instruments, listed, tickers)
        log.info("relay.opened", symbols=len(instruments), market=iso(now))
        return market

    def _made(self, instruments: Sequence[Instrument], tickers: Json, now: Instant) -> LiveMarket:
        """With the last prices that there are; the stream tells the rest."""
        horizon = now if self.since is None else min(self.since, now)
        market = LiveMarket(instruments, self.rest, start=now, horizon=horizon)
        for symbol, fields in reading(rows.tickers, tickers).items():
            market.hear(TickerHeard(now, symbol, is_snapshot=True, fields=fields))
        return market

    def _remember(self, instruments: Sequence[Instrument], listed: Json, tickers: Json) -> None:
        """Keep the venue's own rows, so that the books can be read while it is away."""
        self.kept.parent.mkdir(parents=True, exist_ok=True)
        names = {each.symbol for each in instruments}
        self.kept.write_bytes(orjson.dumps({"instruments": _only(listed, names), "tickers": _only(tickers, names)}))

    def _remembered(self) -> LiveMarket | None:
        kept = self._kept()
        return None if kept is None or self.since is None else self._made(*kept, self.since)

    def _before(self) -> Set[Symbol]:
        """The symbols that were played before: the account may hold any of them."""
        kept = self._kept()
        return set() if kept is None else {each.symbol for each in kept[0]}

    def _kept(self) -> tuple[Sequence[Instrument], Json] | None:
        if self.since is None or not self.kept.exists():
            return None
        try:
            kept = orjson.loads(self.kept.read_bytes())
            return reading(rows.instruments, kept["instruments"]), kept["tickers"]
        except (Poison, orjson.JSONDecodeError, TypeError, LookupError) as error:
            log.warning("upstream.forgotten", reason=str(error))
            return None


def _only(result: Json, symbols: Set[Symbol]) -> Json:
    rows_of = result["list"]
    assert isinstance(rows_of, list), "it was read as one before"
    return {"list": [row for row in rows_of if isinstance(row, dict) and row.get("symbol") in symbols]}


async def _instruments(rest: UpstreamRest) -> Json:
    """Every page of what the venue lists, as one answer."""
    found: list[JsonValue] = []
    cursor: dict[str, str] = {}
    while True:
        page = await rest.get("instruments-info", limit=1_000, **cursor)
        listed = page.get("list")
        if not isinstance(listed, list):
            raise Transient("instruments-info: no list")
        found += listed
        if not page.get("nextPageCursor"):
            return {"list": found}
        cursor = {"cursor": str(page["nextPageCursor"])}


def chosen(
    listed: Sequence[Instrument], tickers: Json, symbols: Sequence[str] | str, *, before: Set[Symbol]
) -> Sequence[Instrument]:
    """The instruments that are wanted; raises Misconfigured where the venue lists none of a name.

    top:N is the busiest N, and of the rest those that were played `before`.
    """
    if isinstance(symbols, str):
        turnover = reading(rows.turnovers, tickers)
        ranked = sorted(listed, key=lambda each: (-turnover.get(each.symbol, 0), each.symbol))
        busiest = [each for each in ranked if each.symbol in turnover][: int(symbols.removeprefix("top:"))]
        found = [*busiest, *(each for each in ranked if each.symbol in before and each not in busiest)]
    else:
        found = [each for each in listed if each.symbol in symbols]
    unknown = [] if isinstance(symbols, str) else sorted(set(symbols) - {each.symbol for each in found})
    if unknown or not found:
        raise Misconfigured(
            f"market.symbols = {', '.join(unknown) or symbols}: not listed by the venue of paper.upstream_url"
        )
    return found
