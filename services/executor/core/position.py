"""From executions to positions: a fold in the venue's own order.

1. Folding the same executions in any order of arrival gives the same trips.
2. A trip's `gross` is exit value less entry value, exactly: nothing is divided on the way.
3. A funding settlement belongs to the trip that was open when it happened.
"""

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Final

from libs.common.exchange.trading_types import Action, Execution, ExecutionType
from libs.common.ids import ENTRY, parse_link_id
from libs.common.units import ZERO, Instant, Price, Qty, Side, Symbol, Usd
from services.executor.core.intent import adopted_id

# Everything else that the venue may call an execution is told to the operator and never booked as a fill.
FILLS: Final = frozenset(ExecutionType) - {ExecutionType.FUNDING}


@dataclass(frozen=True, slots=True)
class Booked:
    """One execution as the ledger has it; `position_id` is "" until a fold gave it to a trip."""

    execution: Execution
    position_id: str = ""


@dataclass(frozen=True, slots=True)
class Trip:
    """A position from its first fill on; flat again when `closed_at` is set."""

    position_id: str
    symbol: Symbol
    side: Side
    opened_at: Instant
    opened: Qty = Qty(ZERO)
    closed: Qty = Qty(ZERO)
    entry_value: Usd = Usd(ZERO)
    exit_value: Usd = Usd(ZERO)
    fees: Usd = Usd(ZERO)
    funding: Usd = Usd(ZERO)
    closed_at: Instant | None = None
    exits: tuple[Execution, ...] = ()
    members: tuple[str, ...] = ()  # exec ids

    @property
    def qty(self) -> Qty:
        return Qty(self.opened - self.closed)

    @property
    def entry(self) -> Price:
        return Price(self.entry_value / self.opened)

    @property
    def gross(self) -> Usd:
        """Realised by price alone; meaningful when the trip is closed."""
        return Usd(self.side.sign * (self.exit_value - self.entry_value))


@dataclass(frozen=True, slots=True)
class Folded:
    """`strays` close what was never seen to open: executions are still to come, or older than the venue remembers."""

    trips: tuple[Trip, ...] = ()
    strays: tuple[Execution, ...] = ()
    orphans: tuple[str, ...] = field(default=())  # funding rows of no trip that is known
    rests: tuple[Execution, ...] = field(default=())  # what is left of a fill that closed one trip: it opened the next

    @property
    def missing(self) -> bool:
        return bool(self.strays)

    @property
    def open(self) -> Trip | None:
        return self.trips[-1] if self.trips and self.trips[-1].closed_at is None else None


def fold(booked: Iterable[Booked], spent: frozenset[str] = frozenset()) -> Folded:
    """Return the round trips of one symbol's executions; the last may be open.

    No new trip gets a name of `spent`: those have their trades.
    """
    rows = sorted(booked, key=_venue_order)
    known = {row.execution.exec_id for row in rows}
    trips: list[Trip] = []
    rests: list[Execution] = []
    strays: list[Execution] = []
    orphans: list[str] = []
    for row in rows:
        done = row.execution
        current = trips[-1] if trips and trips[-1].closed_at is None else None
        if done.kind is ExecutionType.FUNDING:
            if current is None:
                orphans.append(done.exec_id)
            else:
                trips[-1] = _member(replace(current, funding=Usd(current.funding + done.fee)), done)
        elif current is None and done.closed_qty > 0:
            strays.append(done)
        elif current is None:
            trips.append(_opened(row, spent | {trip.position_id for trip in trips}))
        elif done.action is Action.opening(current.side):
            trips[-1] = _grown(current, done)
        else:
            trips[-1], rest = _shrunk(current, done)
            if rest is not None and rest.exec_id not in known:
                rests.append(rest)
                trips.append(_opened(Booked(rest), spent | {trip.position_id for trip in trips}))
    return Folded(tuple(trips), tuple(strays), tuple(orphans), tuple(rests))


def _venue_order(row: Booked) -> tuple[int, int, str]:
    return (row.execution.at, row.execution.seq, row.execution.exec_id)


def _member(trip: Trip, done: Execution) -> Trip:
    return replace(trip, members=(*trip.members, done.exec_id))


def _opened(row: Booked, used: Set[str]) -> Trip:
    done = row.execution
    side = Side.LONG if done.action is Action.BUY else Side.SHORT
    name = parse_link_id(done.link_id)
    mine = done.link_id if name is not None and name.purpose == ENTRY else adopted_id(done.symbol, done.at)
    at = done.at
    while not row.position_id and mine in used:  # opened again in the same instant, or by the rest of an old order
        mine, at = adopted_id(done.symbol, at), Instant(at + 1)
    return _grown(Trip(row.position_id or mine, done.symbol, side, done.at), done)


def _grown(trip: Trip, done: Execution) -> Trip:
    return _member(
        replace(
            trip,
            opened=Qty(trip.opened + done.qty),
            entry_value=Usd(trip.entry_value + done.qty * done.price),
            fees=Usd(trip.fees + done.fee),
        ),
        done,
    )


def _shrunk(trip: Trip, done: Execution) -> tuple[Trip, Execution | None]:
    """Close as much as there is; what is left of the fill opened the other side."""
    closing = Qty(min(done.qty, trip.qty))
    fee = done.fee if closing == done.qty else Usd(done.fee * closing / done.qty)
    part = replace(done, qty=closing, fee=fee)
    shrunk = _member(
        replace(
            trip,
            closed=Qty(trip.closed + closing),
            exit_value=Usd(trip.exit_value + closing * done.price),
            fees=Usd(trip.fees + fee),
            exits=(*trip.exits, part),
            closed_at=done.at if closing == trip.qty else None,
        ),
        done,
    )
    if closing == done.qty:
        return shrunk, None
    left = Qty(done.qty - closing)
    return shrunk, replace(done, exec_id=f"{done.exec_id}~", qty=left, fee=Usd(done.fee - fee), closed_qty=Qty(ZERO))


def filled(executions: Sequence[Execution]) -> tuple[Qty, Price | None]:
    """Return quantity and average price of one order's fills."""
    qty = sum((done.qty for done in executions), ZERO)
    value = sum((done.qty * done.price for done in executions), ZERO)
    return Qty(qty), Price(value / qty) if qty else None
