"""Opens the market that the settings ask for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Protocol

import structlog

from libs.common.clock import Clock, iso, parse_iso
from libs.common.errors import Misconfigured
from libs.common.health import Health
from libs.common.settings.sections import MarketSection, PaperSection
from libs.common.units import DAY_MS, MINUTE_MS, Instant
from services.paper_exchange.adapters.markets.relay_opening import Upstream, relayed_market
from services.paper_exchange.adapters.markets.replay import replay_market
from services.paper_exchange.adapters.markets.synthetic import synthetic_market
from services.paper_exchange.core.market.board import Board
from services.paper_exchange.core.market.market import Market
from services.paper_exchange.core.market.path import FOR_EVER
from services.paper_exchange.core.market.span import HISTORY_MS, Span
from services.paper_exchange.core.market.terms import Terms, beat_of, redated
from services.paper_exchange.core.market.trail import Beat

log = structlog.get_logger()

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
async def opened_market(
    wanted: Wanted, clock: Clock, *, known: Terms | None, stood: Instant | None, health: Health
) -> AsyncIterator[tuple[Market, Terms]]:
    """Keep the market of `paper.market` going while the block runs: see open_market.

    stood: where the market's clock stood in the books.
    """
    if wanted.paper.market != LIVE:
        yield open_market(wanted.paper, wanted.market, wall=clock.now(), known=known)
        return
    symbols = wanted.market.symbols
    async with relayed_market(wanted.upstream, symbols, since=stood, clock=clock, health=health) as market:
        yield market, Terms(Beat.SECOND, 0, follows_wall=False)  # its clock is the other venue's


def open_market(
    paper: PaperSection, market: MarketSection, *, wall: Instant, known: Terms | None
) -> tuple[Board, Terms]:
    """Return the market of `paper.market` on the terms that its world is `known` to have, or on new ones.

    A market that begins at `paper.speed` 1 is dated now: what it plays is dated later by whole days, and a synthetic
    one that may begin anywhere begins now. Raises Misconfigured naming the key and what is allowed.
    """
    start, end = _moment("paper.from", paper.start), _moment("paper.to", paper.end)
    speed = None if paper.speed == "max" else paper.speed
    beat = beat_of(speed) if known is None else known.beat
    if paper.market == "synthetic":
        begin = Instant(wall // MINUTE_MS * MINUTE_MS) if start is None and end is None and speed == 1 else start
        board = synthetic_market(seed=paper.seed, symbols=paper.symbols, start=begin, end=end, beat=beat)
    else:
        folder = Path(paper.market.removeprefix("replay:")).expanduser()
        board = replay_market(folder, symbols=market.symbols, start=start, end=end, beat=beat)
    if known is not None:
        terms = known
    elif speed == 1:
        span = Span(board.start, board.end or FOR_EVER)
        terms = Terms(beat, redated(board.first, span, wall, by_day=start is not None), follows_wall=True)
    else:
        terms = Terms(beat, 0, follows_wall=False)
    return _on(board, terms, wall), terms


def _on(board: Board, terms: Terms, wall: Instant) -> Board:
    """The board as it is dated; one that follows the wall starts now, wherever in its day that is."""
    if not terms.follows_wall:
        return board
    if wall - terms.later_ms - board.first < HISTORY_MS:
        log.warning("market.short_history", history_ms=wall - terms.later_ms - board.first, wanted_ms=HISTORY_MS)
    end = None if board.end is None else Instant(board.end + terms.later_ms)
    log.info("market.redated", later_days=terms.later_ms // DAY_MS, end=None if end is None else iso(end))
    return board.later(terms.later_ms, start=wall, end=end)


def _moment(key: str, text: str) -> Instant | None:
    if not text:
        return None
    try:
        return parse_iso(text)
    except ValueError as error:
        raise Misconfigured(f"{key} = {text!r}: must be an ISO date or date-time, such as 2025-09-15") from error
