from decimal import Decimal as D

import pytest

from libs.common.errors import Refused
from libs.common.exchange.trading_types import Action
from libs.common.units import Instant, Price, Qty, Side, Symbol
from services.paper_exchange.core.books import checks
from services.paper_exchange.core.books.order import Direction, Kind, TriggerBy
from services.paper_exchange.core.margin.order_margin import Resting
from services.paper_exchange.core.market.depth import quote, temper
from tests.support.scripted_market import BTC, START, ScriptedMarket, instrument
from tests.support.trading_floor import BTC_ONLY, Floor

LONG, SHORT = Side.LONG, Side.SHORT
ONE = instrument()
QUOTE = quote(Price(D(100)), Price(D(100)), temper([]), instrument())
BUY, SELL = Action.BUY, Action.SELL


def price(text: str | None) -> Price | None:
    return None if text is None else Price(D(text))


@pytest.mark.parametrize(
    ("qty", "kind", "text"),
    [
        ("0.001", Kind.MARKET, None),
        ("100", Kind.MARKET, None),
        ("100.001", Kind.MARKET, "maximum limit"),
        ("1000", Kind.LIMIT, None),  # a resting order may be ten times as large
        ("1000.001", Kind.LIMIT, "maximum limit"),
        ("0", Kind.LIMIT, "exceeds minimum limit"),
        ("0.0015", Kind.LIMIT, "Qty invalid"),
    ],
)
def test_a_quantity_is_whole_steps_between_least_and_most(qty: str, kind: Kind, text: str | None) -> None:
    if text is None:
        checks.check_qty(Qty(D(qty)), kind, ONE)
    else:
        with pytest.raises(Refused, match=text) as refused:
            checks.check_qty(Qty(D(qty)), kind, ONE)
        assert refused.value.code == 10001


@pytest.mark.parametrize(
    ("wanted", "action", "code"),
    [
        ("110", BUY, None),
        ("110.1", BUY, 110003),
        ("1", BUY, None),  # far from the market on the resting side is allowed
        ("90", SELL, None),
        ("89.9", SELL, 110003),
        ("900", SELL, None),
        ("99.95", BUY, 10001),
    ],
)
def test_a_limit_price_may_cross_the_market_by_a_tenth(wanted: str, action: Action, code: int | None) -> None:
    if code is None:
        checks.check_price(Price(D(wanted)), action, ONE, QUOTE)
    else:
        with pytest.raises(Refused) as refused:
            checks.check_price(Price(D(wanted)), action, ONE, QUOTE)
        assert refused.value.code == code


@pytest.mark.parametrize(
    ("trigger", "direction", "code"),
    [
        ("100.1", Direction.RISE, None),
        ("100", Direction.RISE, 110092),
        ("99.9", Direction.FALL, None),
        ("100", Direction.FALL, 110093),
        ("100.15", Direction.RISE, 10001),
    ],
)
def test_a_trigger_lies_where_the_price_has_yet_to_go(trigger: str, direction: Direction, code: int | None) -> None:
    if code is None:
        checks.check_trigger(Price(D(trigger)), direction, TriggerBy.LAST, ONE, QUOTE)
    else:
        with pytest.raises(Refused) as refused:
            checks.check_trigger(Price(D(trigger)), direction, TriggerBy.LAST, ONE, QUOTE)
        assert refused.value.code == code


@pytest.mark.parametrize(
    ("side", "stop", "target", "text"),
    [
        (Side.LONG, "99.9", "100.1", None),
        (Side.LONG, "100", None, r"StopLoss:100 set for Buy position should lower than base_price:100\?\?LastPrice"),
        (Side.LONG, None, "100", r"TakeProfit:100 set for Buy position should higher than base_price:100\?\?LastPrice"),
        (Side.SHORT, "100.1", "99.9", None),
        (Side.SHORT, "100", None, "StopLoss:100 set for Sell position should higher"),
        (Side.SHORT, None, "100", "TakeProfit:100 set for Sell position should lower"),
        (Side.LONG, "99.95", None, "Price invalid"),
        (Side.LONG, None, None, None),
    ],
)
def test_a_stop_that_would_fire_at_once_is_refused_in_the_venue_s_words(
    side: Side, stop: str | None, target: str | None, text: str | None
) -> None:
    if text is None:
        checks.check_sides(side, Price(D(100)), price(stop), price(target), ONE)
    else:
        with pytest.raises(Refused, match=text) as refused:
            checks.check_sides(side, Price(D(100)), price(stop), price(target), ONE)
        assert refused.value.code == 10001


def test_a_contract_is_listed_from_its_launch_and_its_first_price() -> None:
    late = Symbol("LATEUSDT")
    market = ScriptedMarket(instruments=(instrument(), instrument(late, launched=Instant(START + 1))))
    floor = Floor(market)
    assert checks.listed(floor.books, BTC, floor.now).symbol == BTC
    with pytest.raises(Refused, match="Not supported symbols"):
        checks.listed(floor.books, late, floor.now)
    floor.moves("100")
    with pytest.raises(Refused, match="Not supported symbols"):
        checks.listed(floor.books, late, floor.now)  # launched, and nothing traded yet
    floor.books.last[late] = Price(D(1))
    assert checks.listed(floor.books, late, floor.now).symbol == late


def wish(side: Side, qty: str) -> Resting:
    return Resting(side, Qty(D(qty)), Price(D(100)))


def test_closing_needs_no_money_even_when_there_is_none() -> None:
    floor = Floor(balance="11")
    floor.buys("1")
    checks.check_margin(floor.books, BTC_ONLY, wish(SHORT, "1"))
    with pytest.raises(Refused) as refused:
        checks.check_margin(floor.books, BTC_ONLY, wish(SHORT, "2.2"))
    assert refused.value.code == 110007


def test_margin_and_the_fees_of_both_ends_must_be_there() -> None:
    needed = D(100) / 10 + (100 + 90) * D("0.00055")
    checks.check_margin(Floor(balance=str(needed)).books, BTC_ONLY, wish(LONG, "1"))
    with pytest.raises(Refused):
        checks.check_margin(Floor(balance=str(needed - D("0.0001"))).books, BTC_ONLY, wish(LONG, "1"))


def test_ten_conditional_orders_may_wait_beside_the_position_s_own_stop() -> None:
    floor = Floor()
    floor.buys("1", stopLoss="95")
    for _ in range(checks.MOST_CONDITIONAL):
        floor.buys(triggerPrice="110", triggerDirection=1)
    with pytest.raises(Refused) as refused:
        floor.buys(triggerPrice="110", triggerDirection=1)
    assert refused.value.code == 110009
    floor.buys(orderType="Limit", price="90")
