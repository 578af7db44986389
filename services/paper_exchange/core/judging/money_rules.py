"""Whether the exchange's own books are whole: wallet, positions and orders are the sums of their rows."""

from collections import Counter
from decimal import Decimal

from libs.common.units import ZERO
from services.paper_exchange.core.judging.audit_rows import Audit, Key
from services.paper_exchange.core.judging.round_trips import Walk
from services.paper_exchange.core.judging.rule import Rule, named


def wallet_adds_up(books: Audit) -> Rule:
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


def gross_is_price_alone(seen: Walk) -> Rule:
    """What a round trip earned is what its sales brought less what its purchases cost, to the last digit."""
    closed = [trip for trip in seen.trips if trip.closed is not None]
    wrong = [
        f"{named(trip.key)} opened at {trip.opened_at} is told {trip.gross}, its prices make {trip.taken}"
        for trip in closed
        if trip.gross != trip.taken
    ]
    return Rule("gross = sold for less bought for", f"{len(closed)} round trips", tuple(wrong))


def positions_are_fills(books: Audit, seen: Walk) -> Rule:
    told: dict[Key, Decimal] = {}
    for row in books.positions:
        told[row.key] = row.size if row.side == "Buy" else -row.size
    keys = sorted(told.keys() | seen.sizes.keys())
    wrong = [
        f"{named(key)} is {told.get(key, ZERO)}, its fills add up to {seen.sizes.get(key, ZERO)}"
        for key in keys
        if told.get(key, ZERO) != seen.sizes.get(key, ZERO)
    ]
    if books.open.positions != len(seen.sizes):
        wrong.append(f"{books.open.positions} are said to be open, {len(seen.sizes)} are")
    return Rule("position = sum of its fills", f"{len(keys)} positions", tuple(wrong))


def reduce_only_reduced(books: Audit, seen: Walk) -> Rule:
    reducing = {order.order_id for order in books.orders if order.reduce_only}
    opened = [f"{f.symbol} {f.order_id} at {f.time}" for f in seen.openings if f.order_id in reducing]
    return Rule("reduce-only never opened", f"{len(reducing)} reduce-only orders", tuple(opened))


def orders_add_up(books: Audit) -> Rule:
    filled: dict[str, Decimal] = {}
    for fill in books.fills:
        filled[fill.order_id] = filled.get(fill.order_id, ZERO) + fill.qty
    wrong = [
        f"{order.order_id} of {order.qty} says {order.cum_exec_qty}, its fills {filled.get(order.order_id, ZERO)}"
        for order in books.orders
        if order.cum_exec_qty != filled.get(order.order_id, ZERO) or order.cum_exec_qty > order.qty
    ]
    unknown = filled.keys() - {order.order_id for order in books.orders}
    wrong += [f"{order_id} has fills and is no order" for order_id in sorted(unknown)]
    return Rule("filled as told, and never more than ordered", f"{len(books.orders)} orders", tuple(wrong))


def ids_are_unique(books: Audit) -> Rule:
    """No order id, fill or accepted request is there twice."""
    links = Counter(order.order_link_id for order in books.orders if order.order_link_id)
    fills = Counter(fill.exec_id for fill in books.fills)
    asked = Counter(request.order_link_id for request in books.requests if request.created and request.order_link_id)
    wrong = [f"{name} {count} times" for name, count in (links + fills).items() if count > 1]
    wrong += [f"{name} accepted {count} times" for name, count in asked.items() if count > 1]
    return Rule("every order id used once", f"{len(links)} ids", tuple(wrong))
