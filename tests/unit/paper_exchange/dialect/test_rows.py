from dataclasses import replace
from decimal import Decimal as D
from typing import Any

import pytest

from libs.common.units import Instant, Price, Qty, Side, Usd
from services.paper_exchange.core.books.books import Books
from services.paper_exchange.core.books.changes import OrderChanged, PartClosed
from services.paper_exchange.core.books.position import Position
from services.paper_exchange.core.dialect.rows import closed_row, execution_row, order_row, position_row, wallet_row
from tests.support.scripted_market import BTC, ScriptedMarket, instrument
from tests.support.trading_floor import Floor

NUMBERS_BY_NAME = {
    "positionIdx", "triggerDirection", "smpGroup", "riskId", "tradeMode", "autoAddMargin", "adlRankIndicator", "seq",
    "openTime",
}  # fmt: skip
LONG = Position(BTC, side=Side.LONG, size=Qty(D(2)), cost=Usd(D(200)), stop=Price(D(95)), opened_at=Instant(5))


def books_at(mark: str) -> Books:
    floor = Floor()
    floor.moves(mark)
    return floor.books


def orders(floor: Floor) -> list[dict[str, Any]]:
    return [order_row(change.order) for change in floor.books.journal if isinstance(change, OrderChanged)]


def test_every_number_is_a_string_but_those_that_the_venue_sends_as_numbers() -> None:
    floor = Floor()
    floor.buys("1", stopLoss="95")
    floor.sells("0.5", reduceOnly=True)
    parts = [closed_row([change.part]) for change in floor.books.journal if isinstance(change, PartClosed)]
    position = position_row(floor.books, floor.position)
    rows: list[dict[str, Any]] = [*orders(floor), *map(execution_row, floor.fills), *parts, position]
    plain = {name for row in rows for name, value in row.items() if type(value) is int}
    assert plain <= NUMBERS_BY_NAME
    assert not [name for row in rows for name, value in row.items() if value is None or isinstance(value, float)]


def test_an_order_s_row_adds_up() -> None:
    floor = Floor()
    floor.buys("1.5", orderLinkId="mine")
    new, filled = orders(floor)
    assert (new["orderStatus"], new["leavesQty"], new["avgPrice"], new["cumFeeDetail"]) == ("New", "1.5", "", {})
    assert (filled["orderStatus"], filled["leavesQty"], filled["cumExecQty"]) == ("Filled", "0", "1.5")
    assert (filled["avgPrice"], filled["cumExecValue"]) == ("100.1", "150.15")
    assert filled["cumFeeDetail"] == {"USDT": filled["cumExecFee"]} == {"USDT": "0.0825825"}
    assert filled["price"] == "105"  # a market order shows the worst that it would have taken
    assert filled["tpslMode"] == ""


def test_a_stop_is_an_order_that_says_whom_it_guards() -> None:
    floor = Floor()
    floor.buys("1", stopLoss="95")
    (stop,) = [order_row(order) for order in floor.books.open_orders()]
    assert {name: stop[name] for name in ("orderStatus", "stopOrderType", "createType", "triggerPrice")} == {
        "orderStatus": "Untriggered",
        "stopOrderType": "StopLoss",
        "createType": "CreateByStopLoss",
        "triggerPrice": "95",
    }
    assert (stop["reduceOnly"], stop["closeOnTrigger"], stop["triggerDirection"], stop["tpslMode"]) == (
        True, True, 2, "Full",
    )  # fmt: skip


def test_a_cancelled_order_leaves_nothing_and_says_why() -> None:
    floor = Floor()
    floor.buys("1", orderType="Limit", price="90")
    floor.asks("order/cancel-all")
    row = orders(floor)[-1]
    assert (row["leavesQty"], row["orderStatus"], row["cancelType"]) == ("0", "Cancelled", "CancelByUser")


def test_funding_is_an_execution_of_unknown_order_type() -> None:
    floor = Floor()
    floor.buys("1")
    floor.settles("0.0001")
    trade, funding = map(execution_row, floor.fills)
    assert (trade["execType"], trade["orderType"], trade["createType"]) == ("Trade", "Market", "CreateByUser")
    assert (funding["execType"], funding["orderType"], funding["createType"]) == ("Funding", "UNKNOWN", "")
    assert (funding["execFee"], funding["feeRate"], funding["orderLinkId"]) == ("0.01", "0.0001", "")


def test_a_closed_part_names_the_side_that_closed_and_both_fees() -> None:
    floor = Floor()
    floor.buys("1")
    floor.sells("1")
    (row,) = [closed_row([change.part]) for change in floor.books.journal if isinstance(change, PartClosed)]
    assert (row["side"], row["avgEntryPrice"], row["avgExitPrice"], row["closedSize"]) == ("Sell", "100.1", "99.9", "1")
    fees = D(str(row["openFee"])) + D(str(row["closeFee"]))
    assert D(str(row["closedPnl"])) == D("-0.2") - fees


@pytest.mark.parametrize(
    ("side", "word", "liquidation", "even"),
    [(Side.LONG, "Buy", "90.9", "100.055030266647"), (Side.SHORT, "Sell", "108.9", "99.9450302333716")],
)
def test_a_position_s_row_says_where_it_ends_and_where_it_pays(
    side: Side, word: str, liquidation: str, even: str
) -> None:
    row = position_row(books_at("101"), replace(LONG, side=side))
    assert (row["side"], row["size"], row["avgPrice"], row["riskId"]) == (word, "2", "100", 1)
    reserved = 2 * (90 if side is Side.LONG else 110) * D("0.00055")
    assert D(row["positionIM"]) == D(20) + reserved  # type: ignore[arg-type]
    assert (row["liqPrice"], row["bustPrice"], row["breakEvenPrice"]) == (liquidation, "", even)
    assert row["unrealisedPnl"] == str(2 * side.sign)


def test_breaking_even_comes_later_for_what_was_paid_already() -> None:
    paid = replace(LONG, current_realised=Usd(D(-1)))
    rows = [position_row(books_at("100"), each) for each in (LONG, paid)]
    before, after = (D(str(row["breakEvenPrice"])) for row in rows)
    assert round(after - before, 3) == D("0.500")


def test_a_liquidation_price_lies_on_the_tick() -> None:
    odd = replace(LONG, cost=Usd(D("200.5")))
    coarse = ScriptedMarket(instruments=(instrument(tick=Price(D("0.5"))),))
    row = position_row(Floor(coarse).books, odd)
    assert D(str(row["liqPrice"])) % D("0.5") == 0


def test_a_flat_position_has_empty_prices() -> None:
    row = position_row(books_at("100"), Position(BTC))
    empty = ("side", "liqPrice", "bustPrice", "breakEvenPrice", "stopLoss", "takeProfit", "unrealisedPnl")
    assert {name: row[name] for name in empty} == dict.fromkeys(empty, "")
    assert (row["size"], row["openTime"], row["seq"]) == ("0", 0, -1)


def test_the_wallet_is_equity_margin_and_what_is_left() -> None:
    floor = Floor()
    floor.buys("1", stopLoss="95")
    floor.buys("1", orderType="Limit", price="90")
    floor.moves("98")
    row: dict[str, Any] = wallet_row(floor.books)
    (coin,) = row["coin"]
    balance = floor.books.totals.balance
    assert D(row["totalEquity"]) == D(coin["equity"]) == balance + D("-2.1")
    assert (coin["totalPositionIM"], coin["totalOrderIM"], coin["unrealisedPnl"]) == ("10.0595495", "9.09405", "-2.1")
    assert D(row["totalAvailableBalance"]) == balance - D("10.0595495") - D("9.09405")
    assert coin["availableToWithdraw"] == ""  # a client takes it for free margin when it is not empty
    assert D(coin["cumRealisedPnl"]) == balance - 1000
