from dataclasses import replace
from decimal import Decimal as D

import pytest

from libs.common.units import ZERO
from services.paper_exchange.core.books.books import Books, Saved
from services.paper_exchange.core.books.changes import NakedChanged, PositionTold
from services.paper_exchange.core.books.funds import available, order_margin, position_margin
from services.paper_exchange.core.books.order import StopKind
from services.paper_exchange.core.market.depth import Depths
from tests.support.scripted_market import BTC, ETH
from tests.support.trading_floor import BTC_ONLY, Floor


def reopened(floor: Floor) -> Books:
    """The books as a new process finds them."""
    books = floor.books
    saved = Saved(
        totals=books.totals,
        positions=list(books.positions.values()),
        orders=list(reversed(books.open_orders())),
        link_ids=set(books.link_ids),
        naked=list(books.naked.values()),
        naked_ever=books.naked_ever,
    )
    return Books.load(saved, books.instruments, Depths(floor.market), books.seed)


def test_the_wallet_is_start_and_profit_less_fees_and_funding() -> None:
    floor = Floor()
    floor.buys("2")
    floor.settles("0.0003")
    floor.moves("97.3")
    floor.sells("0.7", reduceOnly=True)
    floor.sells("3")
    totals = floor.books.totals
    assert totals.balance == totals.start + totals.realised - totals.fees - totals.funding
    assert totals.fees == sum(fill.fee for fill in floor.fills if fill.kind.value == "Trade")
    assert totals.realised == sum(fill.gross for fill in floor.fills) != ZERO


def test_a_position_is_the_sum_of_its_fills() -> None:
    floor = Floor()
    for order in (floor.buys, floor.sells, floor.sells):
        order("0.5")
    signed = sum(fill.qty if fill.action.value == "Buy" else -fill.qty for fill in floor.fills)
    assert floor.position.side is not None
    assert floor.position.size * floor.position.side.sign == signed


def test_the_same_commands_make_the_same_books_whatever_the_wall_says() -> None:
    early, late = Floor(), Floor()
    late.now = replace(late.now, wall=late.now.wall + 10**9)  # type: ignore[arg-type]
    for floor in (early, late):
        floor.buys("1", stopLoss="95")
        floor.moves("94")
    assert early.books.totals == late.books.totals
    assert [fill.exec_id for fill in early.fills] == [fill.exec_id for fill in late.fills]


def test_another_seed_gives_other_ids() -> None:
    one, other = Floor(), Floor()
    other.books.seed = 8
    assert one.books.next_order()[1] != other.books.next_order()[1]


def test_reopened_books_go_on_where_they_stood() -> None:
    floor = Floor()
    floor.buys("1", stopLoss="95", orderLinkId="mine")
    floor.buys("1", orderType="Limit", price="90")
    again = reopened(floor)
    assert again.open_orders() == floor.books.open_orders()
    assert again.open_positions() == floor.books.open_positions()
    assert again.next_order() == floor.books.next_order()
    assert available(again) == available(floor.books)
    assert "mine" in again.link_ids
    assert again.take_journal() == []


def test_a_reopened_position_is_not_told_as_changed_until_it_is() -> None:
    floor = Floor()
    floor.buys("1", stopLoss="95")
    again = reopened(floor)
    again.last, again.mark = dict(floor.books.last), dict(floor.books.mark)
    again.finish(BTC_ONLY, floor.now)
    again.put_position(replace(again.position(BTC), stop=None))
    again.finish(BTC_ONLY, floor.now)
    assert [told.changed for told in again.journal if isinstance(told, PositionTold)] == [False, True]


def test_the_journal_is_taken_once() -> None:
    floor = Floor()
    floor.buys("1")
    assert floor.books.take_journal()
    assert floor.books.take_journal() == []


def test_open_orders_are_oldest_first_over_all_symbols() -> None:
    floor = Floor()
    for symbol, price in ((ETH, "9"), (BTC, "90"), (ETH, "8")):
        floor.buys("1", symbol=symbol, orderType="Limit", price=price)
    assert [order.symbol for order in floor.books.open_orders()] == [ETH, BTC, ETH]
    assert [str(order.price) for order in floor.books.open_orders(ETH)] == ["9", "8"]


def test_margin_is_held_for_positions_and_for_orders_that_could_open() -> None:
    floor = Floor()
    floor.buys("1", stopLoss="95")
    floor.buys("2", orderType="Limit", price="90")
    floor.buys("1", triggerPrice="110", triggerDirection=1)
    floor.sells("1", orderType="Limit", price="120", reduceOnly=True)
    books = floor.books
    assert position_margin(books) == D("10.01") + D("100.1") * D("0.9") * D("0.00055")
    assert order_margin(books) == D(18) + (180 + 162) * D("0.00055")
    assert available(books) == books.totals.balance - position_margin(books) - order_margin(books)


def test_a_spell_without_a_stop_is_noted_from_its_first_moment_to_its_last() -> None:
    floor = Floor()
    floor.buys("1")
    floor.moves("100", "101")
    floor.asks("position/trading-stop", stopLoss="95")
    begun, ended = [told.naked for told in floor.books.journal if isinstance(told, NakedChanged)]
    assert (begun.until, ended.number) == (None, begun.number)
    assert (ended.until, ended.until_up) == (begun.since + 2_000, begun.since_up + 2)
    assert floor.books.guard(BTC_ONLY, StopKind.STOP_LOSS) is not None
    assert not floor.books.naked


@pytest.mark.parametrize("closes", [True, False])
def test_the_most_positions_ever_open_never_shrink(closes: bool) -> None:
    floor = Floor()
    floor.buys("1")
    floor.buys("1", symbol=ETH)
    if closes:
        floor.sells("1", reduceOnly=True)
    assert floor.books.totals.most_positions == 2
    assert len(floor.books.open_positions()) == (1 if closes else 2)


def test_funding_is_paid_on_the_value_at_the_mark() -> None:
    floor = Floor()
    floor.sells("2")
    floor.moves("105")
    floor.settles("0.001")
    assert floor.books.totals.funding == D("-0.21")
    assert floor.position.realised == -floor.fills[0].fee + D("0.21")
