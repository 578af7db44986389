"""Positions recomputed from fills alone: what opened them, what they earned, when they were flat again."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from libs.common.units import ZERO
from services.paper_exchange.core.judging.audit_rows import AuditFill, AuditFunding, Key, Point


@dataclass(slots=True)
class Trip:
    """From flat to flat in one position; `closed` is None while it is open."""

    key: Key
    opened: Point
    is_ours: bool  # its first fill was
    opened_by: list[AuditFill] = field(default_factory=list)
    size: Decimal = ZERO  # signed
    gross: Decimal = ZERO  # as its fills tell it
    taken: Decimal = ZERO  # what its sales brought, less what its purchases cost: the gross of a closed one
    fees: Decimal = ZERO
    funding: Decimal = ZERO
    closed: Point | None = None

    @property
    def symbol(self) -> str:
        return self.key[0]

    @property
    def opened_at(self) -> int:
        return self.opened[0]

    @property
    def closed_at(self) -> int | None:
        return None if self.closed is None else self.closed[0]

    @property
    def net(self) -> Decimal:
        return self.gross - self.fees - self.funding

    @property
    def opening_orders(self) -> list[str]:
        """Ids of the orders that opened or grew it, each once, in order."""
        return list(dict.fromkeys(fill.order_id for fill in self.opened_by))

    def holds(self, time: int) -> bool:
        """Whether a settlement at `time` is its own: a fill at that very moment comes after the settlement."""
        return self.opened_at < time and (self.closed_at is None or time <= self.closed_at)


@dataclass(slots=True)
class Walk:
    """Everything that one pass over the fills shows."""

    trips: list[Trip] = field(default_factory=list)  # in order of opening
    most_open: int = 0
    openings: list[AuditFill] = field(default_factory=list)  # fills that opened or grew a position
    sizes: dict[Key, Decimal] = field(default_factory=dict)  # signed, at the end

    def by_key(self) -> dict[Key, list[Trip]]:
        """The trips of each position, in order of opening."""
        found: dict[Key, list[Trip]] = {}
        for trip in self.trips:
            found.setdefault(trip.key, []).append(trip)
        return found


def walk(fills: Iterable[AuditFill], funding: Sequence[AuditFunding]) -> Walk:
    """Follow `fills` (in the exchange's order) from flat to flat; funding goes to the trip that held it."""
    seen, live = Walk(), dict[Key, Trip]()
    for fill in fills:
        _follow(seen, live, fill)
        seen.most_open = max(seen.most_open, len(live))
    seen.sizes = {key: trip.size for key, trip in live.items()}
    trips = seen.by_key()
    for paid in funding:
        held = _holder(trips.get(paid.key, []), paid.time)
        if held is not None:
            held.funding += paid.amount
    return seen


def _holder(trips: Sequence[Trip], time: int) -> Trip | None:
    """Return the last trip that was opened before `time`, if it was still open then."""
    place = bisect_left(trips, time, key=lambda trip: trip.opened_at)
    return trips[place - 1] if place and trips[place - 1].holds(time) else None


def _follow(seen: Walk, live: dict[Key, Trip], fill: AuditFill) -> None:
    trip = live.get(fill.key)
    closes = min(abs(trip.size), fill.qty) if trip is not None and trip.size * fill.signed < 0 else ZERO
    opens = fill.qty - closes
    if trip is not None and closes:
        _trade(trip, fill, closes)
        trip.gross += fill.gross_pnl
        if not trip.size:
            trip.closed = fill.point
            del live[fill.key]
    if opens:
        seen.openings.append(fill)
        trip = live.get(fill.key) or _opened(seen, live, fill)
        trip.opened_by.append(fill)
        _trade(trip, fill, opens)


def _trade(trip: Trip, fill: AuditFill, qty: Decimal) -> None:
    signed = qty if fill.signed > 0 else -qty
    trip.size += signed
    trip.taken -= signed * fill.price
    trip.fees += fill.fee if qty == fill.qty else fill.fee * qty / fill.qty


def _opened(seen: Walk, live: dict[Key, Trip], fill: AuditFill) -> Trip:
    trip = live[fill.key] = Trip(fill.key, fill.point, fill.ours)
    seen.trips.append(trip)
    return trip
