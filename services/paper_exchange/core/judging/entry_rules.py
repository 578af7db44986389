"""Whether every signal was entered once, and never too many of them at a time."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from services.paper_exchange.core.judging.audit_rows import Audit, AuditOrder, Key, Point, is_ours
from services.paper_exchange.core.judging.round_trips import Trip, Walk
from services.paper_exchange.core.judging.rule import Rule, named

NEVER: Final = 2**62


@dataclass(frozen=True, slots=True)
class Entry:
    """An order of ours that was accepted to open a position, whether it was ever filled or not."""

    order: AuditOrder
    asked: Point

    @property
    def ends(self) -> int:
        """Wall time after which it can no longer be filled."""
        return NEVER if self.order.is_open else self.order.wall


def entered_once(books: Audit, seen: Walk) -> Rule:
    """Per position at most one opening order of ours between flat and flat.

    An order that was never filled counts too: if it was accepted while the position was open, or while another one
    waited, then only luck kept it from being filled. What the wall clock cannot tell apart is no breach.
    """
    entries = _entries(books)
    trips = {key: [trip for trip in each if trip.is_ours] for key, each in seen.by_key().items()}
    wrong = [text for each in trips.values() for trip in each if (text := _opened_twice(trip))]
    for key, orders in entries.items():
        wrong += _while_open(key, orders, trips.get(key, []))
        wrong += _while_another_waited(key, orders)
    counted = sum(len(each) for each in entries.values())
    own = sum(len(each) for each in trips.values())
    return Rule("no signal entered twice", f"{own} positions and {counted} entries of ours", tuple(wrong))


def few_enough(books: Audit, seen: Walk, most: int) -> Rule:
    found = max(seen.most_open, books.open.most_positions)
    return Rule(
        "never too many positions",
        f"at most {found} open, {most} allowed",
        (f"{found} were open at once",) if found > most else (),
    )


def _entries(books: Audit) -> dict[Key, list[Entry]]:
    """Entries of ours by position, in the order in which they were asked for."""
    asked = {request.order_link_id: request.wall for request in books.requests if request.created}
    found: dict[Key, list[Entry]] = {}
    for order in books.orders:
        if not order.reduce_only and order.is_entry:
            wall = asked.get(order.order_link_id, order.wall)
            found.setdefault(order.key, []).append(Entry(order, (order.time, wall)))
    for entries in found.values():
        entries.sort(key=lambda entry: entry.asked)
    return found


def _opened_twice(trip: Trip) -> str:
    links = list(dict.fromkeys(fill.order_link_id for fill in trip.opened_by))
    ids = [link for link in links if is_ours(link)] if len(links) > 1 else ()
    if len(ids) < 2:
        return ""
    return f"{named(trip.key)} opened at {trip.opened_at} by {len(ids)} orders of ours ({', '.join(ids)})"


def _while_open(key: Key, entries: Sequence[Entry], trips: Sequence[Trip]) -> Iterator[str]:
    """Tell of entries that were accepted while the position was open, and did not grow it."""
    for entry in entries:
        place = bisect_left(trips, entry.asked, key=lambda trip: trip.opened)
        trip = trips[place - 1] if place else None
        if trip is None or entry.order.order_id in trip.opening_orders:
            continue
        if trip.closed is None or entry.asked < trip.closed:
            yield f"{named(key)} was open since {trip.opened_at} when {entry.order.order_link_id} was accepted"


def _while_another_waited(key: Key, entries: Sequence[Entry]) -> Iterator[str]:
    """Tell of entries that were accepted while an earlier one could still be filled."""
    waits: Entry | None = None
    for entry in entries:
        if waits is not None and entry.asked[1] < waits.ends:
            first, second = waits.order.order_link_id, entry.order.order_link_id
            yield f"{named(key)}: {second} was accepted while {first} could still be filled"
        if waits is None or entry.ends > waits.ends:
            waits = entry
