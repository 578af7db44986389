"""The universe as it stands: asked of the venue, agreed with the other fetchers, and explained.

Every fetcher may decide when a market hour's choice is due; the board takes the first one's, and all follow it.
"""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Final

import structlog

from libs.common.clock import Clock
from libs.common.errors import Refused, Transient
from libs.common.exchange import MarketFeed
from libs.common.exchange.market_types import Instrument
from libs.common.health import Health
from libs.common.retry import backoff
from libs.common.units import HOUR_MS, Instant, Symbol
from services.fetcher.adapters.universe_board import Board
from services.fetcher.adapters.universe_file import UniverseFile
from services.fetcher.core.choice import (
    TURN_AT_MS,
    Choice,
    Filter,
    Listing,
    Terms,
    choose,
    explained,
    listing_of,
    turn_of,
    why_gone,
    without,
)
from services.fetcher.core.shares import by_turnover

log = structlog.get_logger()

NAMED: Final = 10  # symbols in one line of the log


class Choosing:
    """`stands` is what this fetcher follows; None until it has begun."""

    def __init__(
        self, terms: Terms, feed: MarketFeed, board: Board, file: UniverseFile, health: Health, clock: Clock
    ) -> None:
        self._terms, self._feed, self._board, self._file = terms, feed, board, file
        self._health, self._clock = health, clock
        self._listing: Listing | None = None

    @property
    def stands(self) -> Choice | None:
        return self._listing.choice if self._listing else None

    async def begin(self) -> Listing:
        """Wait for the venue and for symbols that pass; raises Misconfigured for a named one that never was listed."""
        for wait in backoff(first=0.25, ceiling=5.0):
            self._health.wait_for("venue")
            try:
                listing = await self._first()
            except (Transient, Refused) as error:
                log.warning("universe.unknown", reason=str(error))
                self._health.wait_for("venue", str(error))
                await self._clock.sleep(wait)
                continue
            self._health.wait_for("history")
            self._health.done_with("venue")
            return listing
        raise AssertionError("the schedule never ends")

    async def renew(self, due: int | None, *, idle: bool, doubtful: bool) -> Listing | None:
        """Follow the choice that stands; decide when one is due, and look again at what is listed when in doubt.

        due: the market hour that has begun, with all of our share decided up to it. idle: a fetcher without symbols,
        which hears of no market hour, follows whatever the others decide. doubtful: something may be delisted, or may
        have become another contract.
        Returns None when nothing has changed; raises Transient or Refused when it cannot be known.
        """
        assert self._listing is not None, "it has not begun"
        ours, known = self._listing.choice, self._listing.launched.keys()
        stands = await self._board.read() or await self._board.settle(ours)  # where Redis has lost it
        may_follow = due is not None or idle or doubtful or (stands is not None and stands.turn == ours.turn)
        if stands is not None and stands.version > ours.version and may_follow:
            return await self._follow(stands, await self._listed(known))
        if due is not None:
            return await self._decide(due, stands or ours, known)
        if doubtful:
            listed = await self._listed(known)
            less = without(ours, names_of(listed))
            if less != ours:
                return await self._follow(await self._board.settle(less) or less, listed)
            if listing_of(ours, listed) != self._listing:
                return await self._follow(ours, listed)
        return None

    async def _first(self) -> Listing:
        """Follow the choice that stands, or that the home remembers, if it is of our settings and hour; or choose."""
        stands = await self._board.read()
        before = stands or await asyncio.to_thread(self._file.load)
        listed = await self._listed(before.symbols if before else ())
        tickers = await self._feed.tickers()
        traded = by_turnover(names_of(listed), tickers)
        at = await self._feed.market_now(traded[0] if traded else listed[0].symbol)
        if before and before.terms == self._terms.text and before.turn - turn_of(at) in (0, 1):  # 1: it begins now
            choice = without(before, names_of(listed))
        else:
            choice = choose(self._terms, listed, tickers, at, before)
            if stands and stands.turn == choice.turn:  # of other settings: ours came later
                choice = replace(choice, edition=stands.edition + 1)
        if not choice.symbols and not choice.gone:
            raise Transient(f"of {len(listed)} listed symbols none passes: {explained(choice)}")
        if choice != stands:
            choice = await self._board.settle(choice) or choice
        return await self._follow(choice, listed)

    async def _decide(self, due: int, before: Choice, known: Collection[Symbol]) -> Listing:
        """Choose for the market hour `due`; what another fetcher has chosen meanwhile stands."""
        listed, tickers = await self._listed(known), await self._feed.tickers()
        at = Instant(due * HOUR_MS + TURN_AT_MS)
        once = frozenset(self._terms.names)  # it has begun: none of them is a misspelling
        chosen = choose(self._terms, listed, tickers, at, before, once=once)
        return await self._follow(await self._board.settle(chosen) or chosen, listed)

    async def _listed(self, known: Collection[Symbol]) -> Sequence[Instrument]:
        """Ask what is listed; an empty list is no answer, and of what is known two lists in a row must lack it."""
        listed = await self._feed.instruments()
        if listed and not names_of(listed).issuperset(known):
            sure = {each.symbol: each for each in (*listed, *await self._feed.instruments())}
            listed = list(sure.values())
        if not listed:
            raise Transient("the venue lists no USDT perpetual")
        return listed

    async def _follow(self, choice: Choice, listed: Sequence[Instrument]) -> Listing:
        """Say what has changed and why, and remember it."""
        listing, before = listing_of(choice, listed), self.stands
        self._listing = listing
        self._explain(before, listing)
        await asyncio.to_thread(self._file.keep, choice)
        return listing

    def _explain(self, before: Choice | None, listing: Listing) -> None:
        choice = listing.choice
        symbols = frozenset(choice.symbols)
        if before is None or (before.symbols, counted(before)) != (choice.symbols, counted(choice)):
            log.info("universe.stands", symbols=len(symbols), listed=len(listing.launched), left_out=explained(choice))
        came = sorted(symbols.difference(before.symbols)) if before else []
        went = sorted(set(before.symbols) - symbols) if before else []
        if came or went:
            reasons = {symbol: why_gone(choice, symbol, listing.launched) for symbol in went[:NAMED]}
            log.info("universe.changed", came=came[:NAMED], went=reasons, unnamed=len(came[NAMED:] + went[NAMED:]))
        for symbol in sorted(set(choice.gone).difference(before.gone if before else ())):
            log.error("symbol.delisted", symbol=symbol, reason="market.symbols names it, the venue lists it no more")
        counts = {f"left_out_{reason}": count for reason, count in counted(choice).items()}
        self._health.facts |= counts | {"universe": len(symbols), "delisted": len(choice.gone)}


def counted(choice: Choice) -> dict[Filter, int]:
    """How many symbols each filter leaves out, those included that leave out none."""
    return {each: choice.left_out[each].count if each in choice.left_out else 0 for each in Filter}


def names_of(listed: Sequence[Instrument]) -> frozenset[Symbol]:
    return frozenset(instrument.symbol for instrument in listed)
