"""Opens the market that the settings ask for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Protocol

from libs.common.clock import Clock, parse_iso
from libs.common.errors import Misconfigured
from libs.common.health import Health
from libs.common.settings.sections import MarketSection, PaperSection
from libs.common.units import MINUTE_MS, Instant
from services.paper_exchange.adapters.relay_opening import Upstream, relayed_market
from services.paper_exchange.adapters.replay import replay_market
from services.paper_exchange.adapters.synthetic import synthetic_market
from services.paper_exchange.core.board import Board
from services.paper_exchange.core.changes import Moment
from services.paper_exchange.core.market import Market

LIVE: Final = "live"


class Wanted(Protocol):
    """The settings that say which market is played."""

    @property
    def paper(self) -> PaperSection: ...

    @property
    def market(self) -> MarketSection: ...

    @property
    def upstream(self) -> Upstream: ...


@asynccontextmanager
async def opened_market(wanted: Wanted, clock: Clock, stood: Moment | None, health: Health) -> AsyncIterator[Market]:
    """Keep the market of `paper.market` going while the block runs; raises Misconfigured naming the key.

    stood: where the clocks stood in the books.
    """
    if wanted.paper.market != LIVE:
        yield open_market(wanted.paper, wanted.market, wall=clock.now())
        return
    since, symbols = stood.market if stood else None, wanted.market.symbols
    async with relayed_market(wanted.upstream, symbols, since=since, clock=clock, health=health) as market:
        yield market


def open_market(paper: PaperSection, market: MarketSection, *, wall: Instant) -> Board:
    """Return the replayed or invented market of `paper.market`; raises Misconfigured naming the key.

    A synthetic market in real time (`paper.speed` 1) starts at the wall's minute, so that its dates look like today's.
    """
    start, end = _moment("paper.from", paper.start), _moment("paper.to", paper.end)
    if paper.market == "synthetic":
        if start is None and paper.speed == 1:
            start = Instant(wall // MINUTE_MS * MINUTE_MS)
        return synthetic_market(seed=paper.seed, symbols=paper.symbols, start=start, end=end)
    folder = Path(paper.market.removeprefix("replay:")).expanduser()
    return replay_market(folder, symbols=market.symbols, start=start, end=end)


def _moment(key: str, text: str) -> Instant | None:
    if not text:
        return None
    try:
        return parse_iso(text)
    except ValueError as error:
        raise Misconfigured(f"{key} = {text!r}: must be an ISO date or date-time, such as 2025-09-15") from error
