"""Whether our own memory agrees with the exchange: trades with round trips, reports with losses."""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

from services.paper_exchange.core.judging.audit_rows import LedgerTrade
from services.paper_exchange.core.judging.round_trips import Trip
from services.paper_exchange.core.judging.rule import Rule


def trades_agree(ledger: Sequence[LedgerTrade], trips: Sequence[Trip]) -> Rule:
    closed = sorted((trip for trip in trips if trip.closed is not None), key=_trip_order)
    written = sorted(ledger, key=_trade_order)
    there, here = Counter(trip.symbol for trip in closed), Counter(trade.symbol for trade in written)
    wrong = [
        f"{symbol} has {there[symbol]} round trips and {here[symbol]} trades"
        for symbol in sorted(there.keys() | here.keys())
        if there[symbol] != here[symbol]
    ]
    if not wrong:
        pairs = zip(closed, written, strict=True)
        wrong = [text for trip, trade in pairs if (text := _difference(trip, trade))]
    return Rule("trades = round trips in gross, fees and funding", f"{len(closed)} round trips", tuple(wrong))


def losses_explained(ledger: Sequence[LedgerTrade] | None, trips: Sequence[Trip], reports: Sequence[str]) -> Rule:
    """One report for every losing trade; without a ledger only their number can be compared."""
    counts = Counter(reports)
    if ledger is None:
        losing = {f"{trip.symbol} opened at {trip.opened}" for trip in trips if trip.closed and trip.net < 0}
        wrong = [] if len(losing) == len(reports) else [f"{len(losing)} losing trips, {len(reports)} reports"]
    else:
        losing = {trade.trade_id for trade in ledger if trade.pnl_usd < 0}
        wrong = [f"{trade} has {counts[trade]} reports" for trade in sorted(losing) if counts[trade] != 1]
        wrong += [f"{trade} was no loss and has a report" for trade in counts if trade not in losing]
    return Rule("one post-mortem for every losing trade", f"{len(losing)} losing trades", tuple(wrong))


def _trip_order(trip: Trip) -> tuple[str, int, Decimal, Decimal, Decimal]:
    return trip.symbol, trip.closed_at or 0, trip.gross, trip.fees, trip.funding


def _trade_order(trade: LedgerTrade) -> tuple[str, int, Decimal, Decimal, Decimal]:
    return trade.symbol, trade.closed_at, trade.gross, trade.fees, trade.funding


def _difference(trip: Trip, trade: LedgerTrade) -> str:
    told = (trade.gross, trade.fees, trade.funding, trade.closed_at)
    true = (trip.gross, trip.fees, trip.funding, trip.closed_at)
    names = ("gross", "fees", "funding", "closed_at")
    parts = [f"{name} {a} not {b}" for name, a, b in zip(names, told, true, strict=True) if a != b]
    if trade.pnl_usd != trade.gross - trade.fees - trade.funding:
        parts.append(f"pnl_usd {trade.pnl_usd} is not gross - fees - funding")
    return f"{trade.trade_id}: {', '.join(parts)}" if parts else ""
