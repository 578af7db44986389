"""What a user chooses for the account and its symbols: leverage, one-way or hedge mode, isolated or cross margin."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final

from libs.common.units import ZERO, Fraction, Symbol
from services.paper_exchange.core.books import refusals as no
from services.paper_exchange.core.books.books import Books
from services.paper_exchange.core.books.changes import MarginMode, Moment
from services.paper_exchange.core.books.checks import listed
from services.paper_exchange.core.books.funds import available, exposure, stake
from services.paper_exchange.core.books.leg import HEDGED, Leg
from services.paper_exchange.core.books.position import Position
from services.paper_exchange.core.books.refusals import bad, refusal
from services.paper_exchange.core.margin.liquidation import is_beyond, isolated_liquidation
from services.paper_exchange.core.margin.tiers import max_leverage_for, tiers

LEVERAGE_STEP: Final = Decimal("0.01")


def set_leverage(books: Books, symbol: Symbol, buy: Fraction, sell: Fraction, moment: Moment) -> None:
    """Set a symbol's leverage for longs and shorts; the margin of open positions changes with it. Raises Refused."""
    ladder = tiers(listed(books, symbol, moment))
    if buy != sell and (symbol not in books.account.hedged or books.account.margin_mode is MarginMode.CROSS):
        raise bad("params error: buy leverage must equal sell leverage in one-way mode and in cross margin")
    chosen = {Leg.ONE_WAY: buy, Leg.LONG: buy, Leg.SHORT: sell}
    wanted = {leg: chosen[leg] for leg in books.legs(symbol)}
    for leg, leverage in wanted.items():
        if (
            leverage < 1
            or leverage % LEVERAGE_STEP
            or leverage > max_leverage_for(ladder, exposure(books, (symbol, leg)))
        ):
            raise refusal(no.LEVERAGE_RANGE)
    before = {leg: books.position(symbol, leg) for leg in wanted}
    if all(before[leg].leverage == leverage for leg, leverage in wanted.items()):
        raise refusal(no.LEVERAGE_SAME)
    more = sum(
        (exposure(books, (symbol, leg)) * (1 / new - 1 / before[leg].leverage) for leg, new in wanted.items()), ZERO
    )
    if more > ZERO and more > available(books):
        raise refusal(no.NO_MONEY)
    after = [replace(before[leg], leverage=leverage, updated_at=moment.market) for leg, leverage in wanted.items()]
    if books.account.margin_mode is MarginMode.ISOLATED and _could_not_stay(books, after):
        raise refusal(no.LIQUIDATES)
    for position in after:
        books.put_position(position)
        books.finish(position.key, moment)


def switch_symbol(books: Books, symbol: Symbol, moment: Moment, *, hedge: bool) -> None:
    """Put one symbol into hedge or one-way mode. Raises Refused, also when it is in it already."""
    listed(books, symbol, moment)
    if (symbol in books.account.hedged) is hedge:
        raise refusal(no.MODE_SAME)
    _switch(books, [symbol], moment, hedge=hedge)


def switch_all(books: Books, moment: Moment, *, hedge: bool) -> None:
    """Put every symbol into hedge or one-way mode; a batch, which succeeds when nothing changes. Raises Refused."""
    _switch(
        books, [s for s in sorted(books.instruments) if (s in books.account.hedged) is not hedge], moment, hedge=hedge
    )


def set_margin_mode(books: Books, mode: MarginMode, moment: Moment) -> None:
    """Choose isolated or cross margin for the whole account; raises Refused where the wallet cannot carry it."""
    before = books.account
    if mode is before.margin_mode:
        return
    books.account = replace(before, margin_mode=mode)
    short = available(books) < ZERO
    books.account = before
    if short or (mode is MarginMode.ISOLATED and _could_not_stay(books, books.open_positions())):
        raise refusal(no.MARGIN_MODE_FAILED)
    books.put_account(replace(before, margin_mode=mode))
    for position in books.open_positions():
        books.finish(position.key, moment)


def _could_not_stay(books: Books, positions: Iterable[Position]) -> bool:
    """Whether any of `positions`, isolated, would be beyond its liquidation price: the house would pay for the rest."""
    return any(
        is_beyond(each.side, books.mark[each.symbol], isolated_liquidation(stake(books, each)))
        for each in positions
        if each.side is not None
    )


def _switch(books: Books, symbols: Sequence[Symbol], moment: Moment, *, hedge: bool) -> None:
    if any(books.open_positions(symbol) for symbol in symbols):
        raise refusal(no.POSITION_BLOCKS_MODE)
    if any(books.open_orders(symbol) for symbol in symbols):
        raise refusal(no.ORDERS_BLOCK_MODE)
    if not symbols:
        return
    changed = set(books.account.hedged) ^ set(symbols)
    for symbol in symbols:
        kept = books.position(symbol, Leg.ONE_WAY if hedge else Leg.LONG).leverage
        for leg in HEDGED if hedge else (Leg.ONE_WAY,):
            books.put_position(replace(books.position(symbol, leg), leverage=kept, updated_at=moment.market))
    books.put_account(replace(books.account, hedged=tuple(sorted(changed))))
    for symbol in symbols:
        if symbol in books.mark:
            for leg in books.legs(symbol):
                books.finish((symbol, leg), moment)
