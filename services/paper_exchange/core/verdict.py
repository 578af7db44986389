"""Did everything hold that must hold after any crash? Recomputed from the exchange's own rows, rule by rule.

Nothing here believes a total: positions come from fills, trips from positions, the wallet from its parts.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from pydantic import JsonValue

from libs.common.units import ZERO
from services.paper_exchange.core.audit_rows import (
    Audit,
    AuditNaked,
    AuditPosition,
    LedgerTrade,
    read_audit,
    read_trades,
)
from services.paper_exchange.core.round_trips import Trip, Walk, walk

GRACE_MS: Final = 2_000  # exchange uptime within which a lost stop, or a foreign position's first, must be back


@dataclass(frozen=True, slots=True)
class Rule:
    """One promise, what was looked at, and every breach of it."""

    name: str
    looked_at: str
    violations: tuple[str, ...]

    @property
    def line(self) -> str:
        if not self.violations:
            return f"ok    {self.name} ({self.looked_at})"
        return f"FAIL  {self.name}: {len(self.violations)} of {self.looked_at}: {'; '.join(self.violations[:5])}"


@dataclass(frozen=True, slots=True)
class Verdict:
    rules: tuple[Rule, ...]

    @property
    def holds(self) -> bool:
        return not any(rule.violations for rule in self.rules)

    @property
    def violations(self) -> tuple[str, ...]:
        return tuple(f"{rule.name}: {each}" for rule in self.rules for each in rule.violations)

    @property
    def lines(self) -> tuple[str, ...]:
        """One line a rule, for a person."""
        return tuple(rule.line for rule in self.rules)


def judge(
    audit: Mapping[str, JsonValue],
    *,
    max_positions: int,
    trades: Sequence[JsonValue] | None = None,
    postmortems: Sequence[str] | None = None,
) -> Verdict:
    """Judge a whole audit.

    trades: the ledger's trades (rows of GET /v1/trades), if they are to be compared with the round trips.
    postmortems: the trade_id of every report there is, repeated if there are several.
    Raises ValueError when a row cannot be read.
    """
    books = read_audit(audit)
    seen = walk(books.fills, books.funding)
    rules = [
        _one_entry_each(seen),
        _few_enough(seen, books, max_positions),
        _never_loosened(books.positions),
        _never_naked(books.naked, seen.trips),
        _wallet_adds_up(books),
        _positions_are_fills(books, seen),
        _reduce_only_reduced(books, seen),
        _orders_add_up(books),
        _ids_are_unique(books),
    ]
    ledger = None if trades is None else read_trades(trades)
    if ledger is not None:
        rules.append(_trades_agree(ledger, seen.trips))
    if postmortems is not None:
        losing = _losing(ledger, seen.trips)
        rules.append(_explained(losing, postmortems, by_id=ledger is not None))
    return Verdict(tuple(rules))


def _one_entry_each(seen: Walk) -> Rule:
    own = [trip for trip in seen.trips if trip.is_ours]
    twice = [
        f"{trip.symbol} opened at {trip.opened_at} by {len(ids)} orders of ours ({', '.join(ids)})"
        for trip in own
        if len(ids := list(dict.fromkeys(f.order_link_id for f in trip.opened_by if f.ours))) > 1
    ]
    return Rule("no signal entered twice", f"{len(own)} positions of ours", tuple(twice))


def _few_enough(seen: Walk, books: Audit, most: int) -> Rule:
    found = max(seen.most_open, books.open.most_positions)
    return Rule(
        "never too many positions",
        f"at most {found} open, {most} allowed",
        (f"{found} were open at once",) if found > most else (),
    )


def _never_loosened(rows: Sequence[AuditPosition]) -> Rule:
    best: dict[str, tuple[str, Decimal]] = {}
    loosened = []
    for row in rows:
        if not row.size:
            best.pop(row.symbol, None)
            continue
        side, tightest = best.get(row.symbol, (row.side, None))
        if side != row.side:  # turned without a row in between
            tightest = None
        if not row.stop:
            continue
        stop = Decimal(row.stop)
        if tightest is not None and (stop < tightest if row.side == "Buy" else stop > tightest):
            loosened.append(f"{row.symbol} {row.side} {tightest} -> {stop} at {row.time}")
        else:
            best[row.symbol] = (row.side, stop)
    return Rule("no stop ever loosened", f"{len(rows)} position rows", tuple(loosened))


def _never_naked(spells: Sequence[AuditNaked], trips: Sequence[Trip]) -> Rule:
    naked = [
        f"{spell.symbol} from {spell.since} for {spell.up_ms} ms of uptime ({spell.market_ms} ms of market)"
        for spell in spells
        if spell.up_ms > GRACE_MS or _bare_from_the_first_fill(spell, trips)
    ]
    return Rule("no position naked", f"{len(spells)} spells without a stop", tuple(naked))


def _bare_from_the_first_fill(spell: AuditNaked, trips: Sequence[Trip]) -> bool:
    ours = (trip for trip in trips if trip.symbol == spell.symbol and trip.is_ours)
    return any(trip.opened_at == spell.since for trip in ours)


def _wallet_adds_up(books: Audit) -> Rule:
    wallet = books.wallet
    gross = sum((fill.gross_pnl for fill in books.fills), ZERO)
    fees = sum((fill.fee for fill in books.fills), ZERO)
    funding = sum((paid.amount for paid in books.funding), ZERO)
    expected = wallet.start + gross - fees - funding
    wrong = [
        f"{name} is {held}, its rows add up to {sum_}"
        for name, held, sum_ in (
            ("balance", wallet.balance, expected),
            ("realised", wallet.realised, gross),
            ("fees", wallet.fees, fees),
            ("funding", wallet.funding, funding),
        )
        if held != sum_
    ]
    return Rule("wallet = start + gross - fees - funding", f"{len(books.fills)} fills", tuple(wrong))


def _positions_are_fills(books: Audit, seen: Walk) -> Rule:
    told: dict[str, Decimal] = {}
    for row in books.positions:
        told[row.symbol] = row.size if row.side == "Buy" else -row.size
    symbols = sorted(told.keys() | seen.sizes.keys())
    wrong = [
        f"{symbol} is {told.get(symbol, ZERO)}, its fills add up to {seen.sizes.get(symbol, ZERO)}"
        for symbol in symbols
        if told.get(symbol, ZERO) != seen.sizes.get(symbol, ZERO)
    ]
    return Rule("position = sum of its fills", f"{len(symbols)} symbols", tuple(wrong))


def _reduce_only_reduced(books: Audit, seen: Walk) -> Rule:
    reducing = {order.order_id for order in books.orders if order.reduce_only}
    opened = [f"{f.symbol} {f.order_id} at {f.time}" for f in seen.openings if f.order_id in reducing]
    return Rule("reduce-only never opened", f"{len(reducing)} reduce-only orders", tuple(opened))


def _orders_add_up(books: Audit) -> Rule:
    filled: dict[str, Decimal] = {}
    for fill in books.fills:
        filled[fill.order_id] = filled.get(fill.order_id, ZERO) + fill.qty
    wrong = [
        f"{order.order_id} of {order.qty} says {order.cum_exec_qty}, its fills {filled.get(order.order_id, ZERO)}"
        for order in books.orders
        if order.cum_exec_qty != filled.get(order.order_id, ZERO) or order.cum_exec_qty > order.qty
    ]
    return Rule("filled as told, and never more than ordered", f"{len(books.orders)} orders", tuple(wrong))


def _ids_are_unique(books: Audit) -> Rule:
    links = Counter(order.order_link_id for order in books.orders if order.order_link_id)
    fills = Counter(fill.exec_id for fill in books.fills)
    twice = [f"{name} {count} times" for name, count in (links + fills).items() if count > 1]
    return Rule("every order id used once", f"{len(links)} ids", tuple(twice))


def _trades_agree(ledger: Sequence[LedgerTrade], trips: Sequence[Trip]) -> Rule:
    closed = sorted((trip for trip in trips if trip.closed_at is not None), key=_trip_key)
    written = sorted(ledger, key=_trade_key)
    wrong = [
        f"{symbol} has {there} round trips and {here} trades"
        for symbol in sorted({trip.symbol for trip in closed} | {trade.symbol for trade in written})
        if (there := sum(t.symbol == symbol for t in closed)) != (here := sum(t.symbol == symbol for t in written))
    ]
    if not wrong:
        pairs = zip(closed, written, strict=True)
        wrong = [text for trip, trade in pairs if (text := _difference(trip, trade))]
    return Rule("trades = round trips in gross, fees and funding", f"{len(closed)} round trips", tuple(wrong))


def _trip_key(trip: Trip) -> tuple[str, int]:
    return trip.symbol, trip.closed_at or 0


def _trade_key(trade: LedgerTrade) -> tuple[str, int]:
    return trade.symbol, trade.closed_at


def _difference(trip: Trip, trade: LedgerTrade) -> str:
    told = (trade.gross, trade.fees, trade.funding, trade.closed_at)
    true = (trip.gross, trip.fees, trip.funding, trip.closed_at)
    names = ("gross", "fees", "funding", "closed_at")
    parts = [f"{name} {a} not {b}" for name, a, b in zip(names, told, true, strict=True) if a != b]
    if trade.pnl_usd != trade.gross - trade.fees - trade.funding:
        parts.append(f"pnl_usd {trade.pnl_usd} is not gross - fees - funding")
    return f"{trade.trade_id}: {', '.join(parts)}" if parts else ""


def _losing(ledger: Sequence[LedgerTrade] | None, trips: Sequence[Trip]) -> Sequence[str]:
    if ledger is not None:
        return [trade.trade_id for trade in ledger if trade.pnl_usd < 0]
    return [f"{trip.symbol} opened at {trip.opened_at}" for trip in trips if trip.closed_at and trip.net < 0]


def _explained(losing: Sequence[str], reports: Sequence[str], *, by_id: bool) -> Rule:
    counts = Counter(reports)
    if by_id:
        wrong = [f"{trade} has {counts[trade]} reports" for trade in losing if counts[trade] != 1]
        wrong += [f"{trade} was no loss and has a report" for trade in counts if trade not in set(losing)]
    else:
        wrong = [] if len(losing) == len(reports) else [f"{len(losing)} losing trips, {len(reports)} reports"]
    return Rule("one post-mortem for every losing trade", f"{len(losing)} losing trades", tuple(wrong))
