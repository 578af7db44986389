"""Two-way reconciliation: what was opened or closed by hand is noticed, adopted or recorded."""

from dataclasses import replace
from typing import Final

import structlog

from libs.common.contracts.positions import OpenPosition, PartialExit
from libs.common.errors import Transient
from libs.common.exchange.trading_types import VenuePosition
from libs.common.ids import ENTRY, parse_link_id
from libs.common.units import MINUTE_MS, SECOND_MS, ZERO, Instant, Price, Qty, Symbol, Usd
from services.executor.core.commit_points import POSITION_ADOPTED
from services.executor.core.inferred import bridge, opening
from services.executor.core.intent import Intent, adopted_id
from services.executor.core.kept import Kept, PositionStatus
from services.executor.core.position import Trip
from services.executor.core.reconcile import Match, Verdict, match
from services.executor.core.trades import exits
from services.executor.shell import events
from services.executor.shell.books import Books
from services.executor.shell.desk import Desk
from services.executor.shell.sender import Sender

log = structlog.get_logger()

UNTOUCHED_MS: Final = 10 * SECOND_MS  # after this, any executor takes an unfinished intent up
# Reports that must agree before the ledger yields to a venue whose executions say something else: a report may be
# stale, and the executions are always there in the end.
SIGHTINGS: Final = 12
BETWEEN_SIGHTINGS_MS: Final = 5 * SECOND_MS
LATE_FILLS_MS: Final = MINUTE_MS  # of market time for which a fill may be missing from the venue's list


class Reconciler:
    """Brings the ledger to what the venue has, and the unfinished to an end."""

    def __init__(self, desk: Desk, books: Books, sender: Sender) -> None:
        self._desk = desk
        self._books = books
        self._sender = sender
        self._sightings: dict[tuple[Symbol, Verdict], tuple[int, Instant]] = {}

    async def reconcile(self) -> None:
        """One whole pass. Raises Transient when a report is missing: that is not "flat"."""
        with self._desk.busy():
            self._desk.doubts.clear()
            matches = await self.matches()
            seen = {(found.symbol, found.verdict) for found in matches}
            self._sightings = {key: times for key, times in self._sightings.items() if key in seen}
            for found in matches:
                await self._act(found)
            self._desk.reconciled_at = self._desk.clock.now()
            self._desk.settle_phase()

    async def matches(self) -> list[Match]:
        """Match ledger and venue on reports that nothing slipped between, neither by REST nor by a frame."""
        await self._books.catch_up()
        while True:
            before = self._executions()
            venue = await self._desk.read_positions()
            await self._books.catch_up()
            if self._executions() == before:
                break
        with self._desk.ledger.read() as pages:
            held = {k.position.symbol: k.position for k in pages.positions(PositionStatus.OPEN)}
            entering = frozenset(i.symbol for i in pages.live_intents() if i.is_entry)
        return list(match(held, venue, entering))

    def _executions(self) -> int:
        with self._desk.ledger.read() as pages:
            return pages.execution_count()

    async def _act(self, found: Match) -> None:
        if found.verdict is Verdict.SAME:
            self._follow_leverage(found)
            return
        log.warning("position.differed", symbol=found.symbol, verdict=found.verdict, told=found.told())
        with self._desk.ledger.read() as pages:
            waits = found.symbol in pages.reviews()
        if waits:
            return
        match found.verdict:
            case Verdict.FOREIGN if found.symbol not in self._desk.instruments:
                self._ask_review(found.symbol, "a position in a contract that is not traded here")
            case Verdict.FOREIGN if found.venue is not None and await self._is_real(found, found.venue):
                self._foreign(found.venue)
            case Verdict.FLIPPED:
                self._ask_review(found.symbol, found.told())
            case Verdict.GONE | Verdict.RESIZED if found.held is not None and self._is_sure(found):
                self._bridge(found.held, found.venue)
            case _:
                pass

    def _follow_leverage(self, found: Match) -> None:
        """The margin is what the venue really asks: somebody may have changed the leverage there."""
        desk, venue = self._desk, found.venue
        if found.held is None or venue is None or venue.leverage in (ZERO, found.held.leverage):
            return
        with desk.write() as pages:
            kept = pages.position(found.held.position_id)
            if kept is None or kept.status is not PositionStatus.OPEN:
                return
            position = kept.position
            real = {"leverage": venue.leverage, "margin": Usd(position.qty * position.entry / venue.leverage)}
            changed = replace(kept, position=position.model_copy(update={**real, "version": position.version + 1}))
            pages.keep_position(changed)
            told = events.changed(changed, desk.market.now(), "leverage")
            pages.emit(told, owner=desk.instance, now=desk.clock.now())
        log.warning("position.levered", position=position.position_id, leverage=str(venue.leverage))

    async def _is_real(self, found: Match, venue: VenuePosition) -> bool:
        """Whether a position that nobody knows is there: its executions say so, or there are none that deny it.

        A stale report shows what was closed a moment ago; adopting that would make a trade out of nothing. Of a young
        position the executions may still be on their way.
        """
        await self._books.catch_up(since=venue.created_at, symbol=venue.symbol)
        with self._desk.ledger.read() as pages:
            trip = pages.folded(venue.symbol).open
            told = pages.has_executions(venue.symbol, since=venue.created_at)
        explained = trip is not None and trip.side is venue.side and trip.qty == venue.qty
        young = self._desk.market.now() - venue.created_at < LATE_FILLS_MS
        return explained or not (told or young) or self._is_sure(found)

    def _is_sure(self, found: Match) -> bool:
        """Whether the same difference was seen often enough: executions may be late, a report may be stale."""
        now = self._desk.clock.now()
        count, last = self._sightings.get((found.symbol, found.verdict), (0, Instant(0)))
        if now - last < BETWEEN_SIGHTINGS_MS:
            return False
        self._sightings[found.symbol, found.verdict] = (count + 1, now)
        return count + 1 >= SIGHTINGS

    def _ask_review(self, symbol: Symbol, reason: str) -> None:
        log.error("review.needed", symbol=symbol, reason=reason)
        with self._desk.write() as pages:
            pages.ask_review(symbol, reason, now=self._desk.clock.now())

    def _foreign(self, venue: VenuePosition) -> None:
        if self._desk.figures.foreign == "review":
            self._ask_review(venue.symbol, "a position that is not ours")
        else:
            self.adopt(venue)

    def adopt(self, venue: VenuePosition) -> None:
        """Take a position over under the venue's own name for it; its stop is given by the next look."""
        desk = self._desk
        with desk.write() as pages:
            trip = pages.folded(venue.symbol).open
            position_id, at = _name_of(venue, trip), venue.created_at
            while (known := pages.position(position_id)) is not None and known.status is not PositionStatus.OPEN:
                at = Instant(at + 1)  # opened again in the same instant
                position_id = adopted_id(venue.symbol, at)
            taken: tuple[PartialExit, ...]
            if trip is None or trip.side is not venue.side or trip.qty != venue.qty:
                inferred = opening(venue, position_id)
                pages.book(inferred, synthetic=True)
                pages.claim([inferred.exec_id], position_id, settled=False)
                opened_at, taken = venue.created_at, ()
            else:
                pages.claim(trip.members, position_id, settled=False)
                opened_at, taken = trip.opened_at, tuple(exits(trip, {}))
            kept = Kept(_position(venue, position_id, opened_at, taken))
            pages.keep_position(kept)
            pages.emit(events.opened(kept, desk.market.now()), owner=desk.instance, now=desk.clock.now())
        desk.reached(POSITION_ADOPTED)
        desk.counts["positions_adopted"] += 1
        log.warning("position.adopted", position=position_id, side=venue.side, qty=str(venue.qty))

    def _bridge(self, held: OpenPosition, venue: VenuePosition | None) -> None:
        """The venue's executions do not explain its position, and never will: take its word for the difference."""
        desk = self._desk
        log.error("position.bridged", position=held.position_id, held=str(held.qty), venue=str(venue and venue.qty))
        qty = venue.qty if venue else Qty(ZERO)
        done = bridge(held, qty, venue.mark if venue else self._last_price(held), desk.market.now())
        if done is None:
            return
        with desk.write() as pages:
            pages.book(done, synthetic=True)
        self._books.refold(held.symbol)

    def _last_price(self, held: OpenPosition) -> Price:
        seen = self._desk.prices.get(held.symbol)
        return held.entry if seen is None else seen.last

    async def finish(self) -> None:
        """Take up every intent that nobody touched for a while."""
        now = self._desk.clock.now()
        with self._desk.ledger.read() as pages:
            left = [i for i in pages.live_intents() if now - i.touched_at >= UNTOUCHED_MS]
        for intent in left:
            await self._finish(intent)

    async def _finish(self, intent: Intent) -> None:
        async with self._desk.hold(intent.symbol, wait_ms=0) as grip:
            if grip is None:
                return
            try:
                self._desk.counts["intents_taken_up"] += 1
                await self._sender.take_up(intent, grip)
            except Transient as error:
                log.warning("order.not_finished", order=intent.link_id, reason=str(error))


def _name_of(venue: VenuePosition, trip: Trip | None) -> str:
    """An entry of ours names its position even when the ledger has lost it."""
    if trip is not None:
        name = parse_link_id(trip.position_id)
        if name is not None and name.purpose == ENTRY:
            return trip.position_id
    return adopted_id(venue.symbol, venue.created_at)


def _position(
    venue: VenuePosition, position_id: str, opened_at: Instant, partial_exits: tuple[PartialExit, ...]
) -> OpenPosition:
    return OpenPosition(
        position_id=position_id,
        symbol=venue.symbol,
        side=venue.side,
        qty=venue.qty,
        entry=venue.entry,
        stop=venue.stop,
        initial_stop=venue.stop,
        version=1,
        leverage=venue.leverage,
        margin=venue.margin,
        opened_at=opened_at,
        atr=None,
        decision=None,
        partial_exits=partial_exits,
    )
