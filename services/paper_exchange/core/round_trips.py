"""Positions recomputed from fills alone: what opened them, what they earned, when they were flat again."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from libs.common.units import ZERO
from services.paper_exchange.core.audit_rows import AuditFill, AuditFunding


@dataclass(slots=True)
class Trip:
    """From flat to flat in one symbol; `closed_at` is None while it is open."""

    symbol: str
    opened_at: int
    opened_by: list[AuditFill] = field(default_factory=list)
    size: Decimal = ZERO  # signed
    gross: Decimal = ZERO
    fees: Decimal = ZERO
    funding: Decimal = ZERO
    closed_at: int | None = None

    @property
    def net(self) -> Decimal:
        return self.gross - self.fees - self.funding

    @property
    def opening_orders(self) -> list[str]:
        """Ids of the orders that opened or grew it, each once, in order."""
        return list(dict.fromkeys(fill.order_id for fill in self.opened_by))

    @property
    def is_ours(self) -> bool:
        return self.opened_by[0].ours

    def holds(self, time: int) -> bool:
        """Whether a settlement at `time` is its own: a fill at that very moment comes after the settlement."""
        return self.opened_at < time and (self.closed_at is None or time <= self.closed_at)


@dataclass(slots=True)
class Walk:
    """Everything that one pass over the fills shows."""

    trips: list[Trip] = field(default_factory=list)  # in order of opening
    most_open: int = 0
    openings: list[AuditFill] = field(default_factory=list)  # fills that opened or grew a position
    sizes: dict[str, Decimal] = field(default_factory=dict)  # signed, at the end


def walk(fills: Iterable[AuditFill], funding: Sequence[AuditFunding]) -> Walk:
    """Follow `fills` (in the exchange's order) from flat to flat; funding goes to the trip that held it."""
    seen, live = Walk(), dict[str, Trip]()
    for fill in fills:
        _follow(seen, live, fill)
        seen.most_open = max(seen.most_open, len(live))
    seen.sizes = {symbol: trip.size for symbol, trip in live.items()}
    for paid in funding:
        trip = next((trip for trip in seen.trips if trip.symbol == paid.symbol and trip.holds(paid.time)), None)
        if trip is not None:
            trip.funding += paid.amount
    return seen


def _follow(seen: Walk, live: dict[str, Trip], fill: AuditFill) -> None:
    trip = live.get(fill.symbol)
    closes = min(abs(trip.size), fill.qty) if trip is not None and trip.size * fill.signed < 0 else ZERO
    opens = fill.qty - closes
    if trip is not None and closes:
        share = fill.fee if not opens else (fill.fee * closes / fill.qty)
        trip.size += closes if fill.signed > 0 else -closes
        trip.gross += fill.gross_pnl
        trip.fees += share
        if not trip.size:
            trip.closed_at = fill.time
            del live[fill.symbol]
    if opens:
        seen.openings.append(fill)
        trip = live.get(fill.symbol) or _opened(seen, live, fill)
        trip.opened_by.append(fill)
        trip.size += opens if fill.signed > 0 else -opens
        trip.fees += fill.fee if not closes else fill.fee * opens / fill.qty


def _opened(seen: Walk, live: dict[str, Trip], fill: AuditFill) -> Trip:
    trip = live[fill.symbol] = Trip(fill.symbol, fill.time)
    seen.trips.append(trip)
    return trip
