"""What the account carries: margin that positions and orders hold, what is left, and how near it is to failing.

Isolated positions answer with their own margin, so only the wallet can be spent; in cross margin unrealised profit
can be spent too, and losses count.
"""

from decimal import Decimal

from libs.common.units import ZERO, Price, Symbol, Usd
from services.paper_exchange.core.books.books import Books
from services.paper_exchange.core.books.changes import MarginMode
from services.paper_exchange.core.books.figures import Figures
from services.paper_exchange.core.books.leg import Key
from services.paper_exchange.core.books.position import TAKER_FEE, Position
from services.paper_exchange.core.margin.liquidation import cross_liquidation, isolated_liquidation
from services.paper_exchange.core.margin.margin import (
    Stake,
    entry_margin,
    initial_margin,
    maintenance_margin,
    unrealised,
)
from services.paper_exchange.core.margin.order_margin import Queue, opening_value
from services.paper_exchange.core.margin.order_margin import order_margin as reckoned
from services.paper_exchange.core.margin.tiers import tiers


def stake(books: Books, position: Position) -> Stake:
    """Return an open position as its margin sees it; only for an open one."""
    assert position.side is not None
    seen = books.figures.stakes.get(position.key)
    if seen is not None and seen[0] is position:
        return seen[1]
    ladder = tiers(books.instruments[position.symbol])
    found = Stake(position.side, position.size, position.cost, position.leverage, ladder)
    books.figures.stakes[position.key] = position, found
    return found


def held(books: Books, position: Position) -> Usd:
    """Initial margin of a position: all that an isolated one can lose, in cross margin what its value asks for.

    Zero when flat. Isolated it does not move with the mark: a loss must not free what can still be lost.
    """
    if position.side is None:
        return Usd(ZERO)
    if books.account.margin_mode is MarginMode.ISOLATED:
        return entry_margin(stake(books, position), TAKER_FEE)
    return initial_margin(stake(books, position), books.mark[position.symbol], TAKER_FEE)


def kept(books: Books, position: Position) -> Usd:
    """Maintenance margin of a position; zero when flat."""
    if position.side is None:
        return Usd(ZERO)
    return maintenance_margin(stake(books, position), books.mark[position.symbol], TAKER_FEE)


def profit(books: Books, position: Position) -> Usd:
    """Unrealised profit at mark; zero when flat."""
    return Usd(ZERO) if position.side is None else unrealised(stake(books, position), books.mark[position.symbol])


def position_margin(books: Books) -> Usd:
    if books.account.margin_mode is MarginMode.CROSS:
        return Usd(sum((held(books, p) for p in books.open_positions()), ZERO))
    return Usd(sum(_figures(books).held.values(), ZERO))


def _figures(books: Books) -> Figures:
    """What orders and isolated positions hold, each reckoned when it changed."""
    figures = books.figures
    for key in figures.changed:
        position, queue = books.position(*key), books.orders.queue(key)
        figures.held.pop(key, None)
        if position.side is not None:
            figures.held[key] = entry_margin(stake(books, position), TAKER_FEE)
        figures.tied.pop(key, None)
        if queue:
            figures.tied[key] = margin_of(books, key, queue)
    figures.changed.clear()
    return figures


def maintenance(books: Books) -> Usd:
    return Usd(sum((kept(books, p) for p in books.open_positions()), ZERO))


def total_profit(books: Books) -> Usd:
    return Usd(sum((profit(books, p) for p in books.open_positions()), ZERO))


def equity(books: Books) -> Usd:
    return Usd(books.totals.balance + total_profit(books))


def order_margin(books: Books) -> Usd:
    """Margin of the resting orders that could open."""
    return Usd(sum(_figures(books).tied.values(), ZERO))


def margin_of(books: Books, key: Key, orders: Queue) -> Usd:
    """Margin that `orders` would hold as the resting orders of a leg."""
    position = books.position(*key)
    return reckoned(orders, position.signed, position.leverage, TAKER_FEE)


def exposure(books: Books, key: Key, orders: Queue | None = None) -> Usd:
    """Value of a leg and of what its resting orders (or `orders` instead) could add to it."""
    position = books.position(*key)
    return Usd(position.cost + opening_value(books.orders.queue(key) if orders is None else orders, position.signed))


def available(books: Books) -> Usd:
    """What may be spent on new margin; negative when losses have eaten into what is held."""
    own = equity(books) if books.account.margin_mode is MarginMode.CROSS else books.totals.balance
    return Usd(own - position_margin(books) - order_margin(books))


def margin_rates(books: Books) -> tuple[Decimal, Decimal] | None:
    """Initial and maintenance margin of the account as fractions of its equity; None when there is no equity."""
    own = equity(books)
    if own <= ZERO:
        return None
    return (position_margin(books) + order_margin(books)) / own, maintenance(books) / own


def has_failed(books: Books) -> bool:
    """Whether an account in cross margin must be liquidated: its equity is no more than what it must keep."""
    return equity(books) <= maintenance(books)


def liquidation_price(books: Books, position: Position) -> Price | None:
    """Return the mark at which a position is taken over, all else unchanged; None when flat or never."""
    if position.side is None:
        return None
    if books.account.margin_mode is MarginMode.ISOLATED:
        return isolated_liquidation(stake(books, position))
    legs = [stake(books, p) for p in books.open_positions(position.symbol)]
    return cross_liquidation(position.side, legs, _rest(books, position.symbol), TAKER_FEE)


def _rest(books: Books, symbol: Symbol) -> Usd:
    """Equity less maintenance margin of everything but one symbol's positions."""
    others = [p for p in books.open_positions() if p.symbol != symbol]
    return Usd(books.totals.balance + sum((profit(books, p) - kept(books, p) for p in others), ZERO))
