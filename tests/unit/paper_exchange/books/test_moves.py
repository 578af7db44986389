from dataclasses import replace
from decimal import Decimal as D

import pytest

from libs.common.exchange.trading_types import ExecutionType
from libs.common.units import Fraction, Price
from services.paper_exchange.core.books.changes import OrderChanged
from services.paper_exchange.core.books.funds import liquidation_price
from services.paper_exchange.core.books.order import Creator, StopKind
from tests.support.scripted_market import BTC, prices
from tests.support.trading_floor import Floor


def test_a_touched_stop_closes_the_whole_position() -> None:
    floor = Floor()
    floor.buys("1", stopLoss="95")
    floor.moves("97", "95", "96")
    fill = floor.fills[-1]
    assert (fill.stop_kind, fill.creator, fill.closed) == (StopKind.STOP_LOSS, Creator.STOP_LOSS, D(1))
    assert fill.price == D("94.9")
    assert floor.position.side is None


def test_a_gap_through_the_stop_fills_at_the_tick_that_crossed_it() -> None:
    floor = Floor()
    floor.buys("1", stopLoss="98")
    floor.moves("93")
    assert floor.fills[-1].price == D("92.9")


def test_a_stop_never_fills_better_than_its_trigger() -> None:
    floor = Floor()
    floor.sells("1", stopLoss="105")
    floor.moves("105")
    assert floor.fills[-1].price >= D(105)


def test_a_stop_is_told_triggered_before_it_is_filled() -> None:
    floor = Floor()
    floor.buys("1", stopLoss="95")
    floor.moves("94")
    told = [c.order.status.value for c in floor.books.journal if isinstance(c, OrderChanged) and c.order.guards]
    assert told == ["Untriggered", "Triggered", "New", "Filled"]


def test_a_take_profit_closes_too_and_the_stop_dies_with_it() -> None:
    floor = Floor()
    floor.buys("1", stopLoss="95", takeProfit="110")
    floor.moves("111")
    assert (floor.fills[-1].stop_kind, floor.position.side) == (StopKind.TAKE_PROFIT, None)
    assert not floor.books.open_orders()


def test_a_stop_that_came_with_a_limit_order_guards_from_its_first_fill() -> None:
    floor = Floor()
    floor.buys("1", orderType="Limit", price="97", stopLoss="95")
    floor.moves("90")  # through the limit and the stop at once
    entry, exit_ = floor.fills
    assert (entry.price, entry.maker) == (D(97), True)
    assert (exit_.price, exit_.stop_kind) == (D("89.9"), StopKind.STOP_LOSS)


@pytest.mark.parametrize(("direction", "trigger", "price"), [(1, "105", "106"), (2, "95", "94")])
def test_a_conditional_order_opens_when_the_price_gets_there(direction: int, trigger: str, price: str) -> None:
    floor = Floor()
    floor.buys("1", triggerPrice=trigger, triggerDirection=direction)
    floor.moves("100")
    assert not floor.fills
    floor.moves(price)
    assert (floor.fills[0].creator, floor.position.size) == (Creator.STOP_ORDER, D(1))


def test_a_conditional_order_without_margin_when_it_wakes_is_cancelled() -> None:
    floor = Floor(balance="15")
    floor.buys("1", triggerPrice="95", triggerDirection=2)
    floor.buys("1")
    floor.moves("94")
    last = [change.order for change in floor.books.journal if isinstance(change, OrderChanged)][-1]
    assert (last.status.value, last.reject_reason) == ("Cancelled", "EC_NoEnoughMargin")


def test_a_reduce_only_conditional_order_on_a_flat_position_is_cancelled() -> None:
    floor = Floor()
    floor.buys("1")
    floor.sells("1", triggerPrice="95", triggerDirection=2, reduceOnly=True)
    floor.sells("1", reduceOnly=True)
    floor.moves("94")

    assert len(floor.fills) == 2


def test_what_the_price_met_first_wakes_first() -> None:
    floor = Floor()
    floor.buys("1", triggerPrice="92", triggerDirection=2)
    floor.buys("2", triggerPrice="96", triggerDirection=2)
    floor.moves("90")
    assert [fill.qty for fill in floor.fills] == [D(2), D(1)]


def test_a_position_whose_margin_is_gone_is_taken_over_at_its_bankruptcy_price() -> None:
    floor = Floor()
    floor.asks("position/set-leverage", buyLeverage="5", sellLeverage="5")
    floor.buys("1")
    entry = floor.position.entry
    floor.moves("81")
    assert floor.position.size == 1
    floor.moves("80.8")
    bust = floor.fills[-1]
    assert (bust.kind, bust.creator, floor.position.size) == (ExecutionType.BUST, Creator.TAKE_OVER, D(0))
    assert bust.price == (entry * D("0.8")).quantize(D("0.1"), "ROUND_CEILING")


@pytest.mark.parametrize(("side", "rate", "paid"), [("Buy", "0.0001", "0.01"), ("Sell", "0.0001", "-0.01")])
def test_longs_pay_shorts_when_funding_is_positive(side: str, rate: str, paid: str) -> None:
    floor = Floor()
    floor.orders(side, "1")
    floor.settles(rate)
    row = floor.fills[-1]
    assert (row.kind, row.fee) == (ExecutionType.FUNDING, D(paid))
    assert floor.books.totals.balance == 1000 - floor.fills[0].fee - D(paid)


def test_funding_passes_by_who_has_no_position() -> None:
    floor = Floor()
    floor.settles("0.0001")
    assert not floor.books.journal


def test_a_resting_order_that_is_only_touched_fills_from_the_volume_of_the_tick() -> None:
    floor = Floor(balance="100000")
    floor.buys("8", orderType="Limit", price="95")
    floor.buys("8", orderType="Limit", price="95")
    floor.moves("95")  # 10 are traded there
    assert [(fill.qty, fill.price, fill.maker) for fill in floor.fills] == [(D(8), D(95), True), (D(2), D(95), True)]
    floor.moves("94.9")
    assert floor.position.size == 16


@pytest.mark.parametrize(("trigger_by", "woken"), [("LastPrice", True), ("MarkPrice", False), ("IndexPrice", False)])
def test_a_trigger_goes_by_the_price_that_it_names(trigger_by: str, woken: bool) -> None:
    floor = Floor()
    floor.buys("1", triggerPrice="95", triggerDirection=2, triggerBy=trigger_by)
    (tick,) = prices("94", after=floor.now.market)
    floor.ticks([replace(tick, mark=Price(D(96)))])
    assert bool(floor.fills) is woken


def test_a_market_order_that_waited_long_is_protected_from_where_it_wakes() -> None:
    floor = Floor()
    floor.buys("1", triggerPrice="130", triggerDirection=1)
    floor.moves("131")
    assert (floor.position.size, floor.fills[0].order_price) == (D(1), D("137.5"))


def test_liquidation_goes_by_the_mark() -> None:
    floor = Floor()
    floor.buys("1")
    (tick,) = prices("80", after=floor.now.market)
    floor.ticks([replace(tick, mark=Price(D(95)))])
    assert floor.position.size == 1
    floor.ticks([replace(tick, price=Price(D(95)), mark=Price(D(80)))])
    assert floor.position.side is None


def test_a_symbol_with_nothing_to_do_is_calm_everywhere_and_one_with_a_stop_until_there() -> None:
    floor = Floor()
    floor.moves("100")
    assert floor.books.calm[BTC].holds(Price(D(1)), Price(D(10**9)))
    floor.buys("1", stopLoss="95", takeProfit="120")
    floor.moves("101")
    calm = floor.books.calm[BTC]
    assert (calm.low, calm.high) == (D(95), D(120))
    assert calm.mark_low == liquidation_price(floor.books, floor.position)


@pytest.mark.parametrize("kind", ["stopLoss", "takeProfit"])
def test_a_stop_that_finds_nobody_to_trade_with_waits_for_the_next_tick(kind: str) -> None:
    floor = Floor()
    price = "95" if kind == "stopLoss" else "105"
    floor.buys("1", **{kind: price})
    floor.books.scarcity = lambda order: Fraction(D(0))
    floor.moves(price)
    assert [order.trigger for order in floor.books.open_orders()] == [D(price)]
    floor.books.scarcity = lambda order: Fraction(D(1))
    floor.moves(price)
    assert floor.position.side is None
