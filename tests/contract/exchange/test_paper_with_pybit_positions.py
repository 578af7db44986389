"""pybit, unmodified, holds positions on the paper exchange: stops, leverage, modes, profit and account."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from libs.common.units import HOUR_MS, MINUTE_MS
from tests.support.bybit_process import ServedExchange, served_exchange
from tests.support.bybit_pybit import LINEAR, PybitTrader, pybit_trader, refused

FULL = {**LINEAR, "tpslMode": "Full", "positionIdx": 0}
PARTIAL = {**LINEAR, "tpslMode": "Partial", "positionIdx": 0}


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedExchange]:
    with served_exchange(tmp_path_factory.mktemp("pybit"), limits="off") as served:
        yield served


@pytest.fixture
def trader(exchange: ServedExchange) -> Iterator[PybitTrader]:
    with pybit_trader(exchange) as trading:
        yield trading


def stops(trader: PybitTrader) -> dict[str, str]:
    """The trigger price of each kind of stop that waits."""
    return {row["stopOrderType"]: row["triggerPrice"] for row in trader.open_orders()}


def test_an_entry_brings_its_stops_and_the_one_that_is_met_ends_the_other(trader: PybitTrader) -> None:
    stop, target = trader.exchange.price("0.99"), trader.exchange.price("1.005")
    trader.places(stopLoss=str(stop), takeProfit=str(target))
    row = trader.position()
    assert (Decimal(row["stopLoss"]), Decimal(row["takeProfit"])) == (stop, target)
    assert {kind: Decimal(price) for kind, price in stops(trader).items()} == {"StopLoss": stop, "TakeProfit": target}
    trader.exchange.steps(30 * MINUTE_MS)
    assert trader.position()["side"] == ""
    assert trader.open_orders() == []
    [closed] = trader.session.get_closed_pnl(**LINEAR, limit=1)["result"]["list"]
    assert Decimal(closed["avgExitPrice"]) >= target
    history = trader.session.get_order_history(**LINEAR, limit=3)["result"]["list"]
    ends = {row["stopOrderType"]: (row["orderStatus"], row["createType"]) for row in history}
    assert ends["TakeProfit"] == ("Filled", "CreateByTakeProfit")
    assert ends["StopLoss"] == ("Deactivated", "CreateByStopLoss")


def test_the_stops_of_a_position_are_set_moved_and_taken_away(trader: PybitTrader) -> None:
    trader.places()
    first, second = (str(trader.exchange.price(times)) for times in ("0.98", "0.985"))
    trader.session.set_trading_stop(**FULL, stopLoss=first)
    trader.session.set_trading_stop(**FULL, stopLoss=second)
    assert stops(trader) == {"StopLoss": trader.position()["stopLoss"]}
    with refused(34040):
        trader.session.set_trading_stop(**FULL, stopLoss=second)
    with refused(10001):
        trader.session.set_trading_stop(**FULL, stopLoss=str(trader.exchange.price("1.01")))
    trader.session.set_trading_stop(**FULL, stopLoss="0")
    assert trader.open_orders() == []


def test_a_flat_position_takes_no_stop(trader: PybitTrader) -> None:
    with refused(10001):
        trader.session.set_trading_stop(**FULL, stopLoss=str(trader.exchange.price("0.98")))


def test_a_stop_may_watch_the_mark_price(trader: PybitTrader) -> None:
    trader.places(side="Sell")
    stop = str(trader.exchange.price("1.005"))
    trader.session.set_trading_stop(**FULL, stopLoss=stop, slTriggerBy="MarkPrice")
    [order] = trader.open_orders()
    assert (order["triggerBy"], order["stopOrderType"]) == ("MarkPrice", "StopLoss")
    trader.exchange.steps(40 * MINUTE_MS)
    assert trader.position()["size"] == "0"


def test_partial_stops_close_their_part_each(trader: PybitTrader) -> None:
    trader.places(qty="0.02")
    for times in ("1.003", "1.006"):
        target = str(trader.exchange.price(times))
        trader.session.set_trading_stop(**PARTIAL, takeProfit=target, tpSize="0.01")
    assert [row["stopOrderType"] for row in trader.open_orders()] == ["PartialTakeProfit"] * 2
    assert [row["qty"] for row in trader.open_orders()] == ["0.01"] * 2
    trader.exchange.steps(15 * MINUTE_MS)
    assert trader.position()["size"] == "0.01"
    trader.exchange.steps(15 * MINUTE_MS)
    assert trader.position()["size"] == "0"


def test_a_partial_target_may_be_a_limit_order(trader: PybitTrader) -> None:
    trader.places(qty="0.02")
    target = str(trader.exchange.price("1.004"))
    pair = {"tpSize": "0.01", "tpLimitPrice": target, "tpOrderType": "Limit"}
    trader.session.set_trading_stop(**PARTIAL, takeProfit=str(trader.exchange.price("1.003")), **pair)
    [order] = trader.open_orders()
    assert (order["orderType"], Decimal(order["price"])) == ("Limit", Decimal(target))
    trader.exchange.steps(30 * MINUTE_MS)
    assert trader.position()["size"] == "0.01"


def test_a_trailing_stop_waits_follows_and_closes(trader: PybitTrader) -> None:
    trader.places()
    begin = trader.exchange.price("1.005")
    trader.session.set_trading_stop(**FULL, trailingStop="200", activePrice=str(begin))
    assert trader.position()["trailingStop"] == "200"
    trader.exchange.rises()  # up to the top, down to the bottom, and back to the middle
    assert trader.position()["size"] == "0"
    [closed] = trader.session.get_closed_pnl(**LINEAR, limit=1)["result"]["list"]
    top = Decimal(101_800)
    assert top - 250 <= Decimal(closed["avgExitPrice"]) <= top - 190
    [order] = trader.session.get_order_history(**LINEAR, orderId=closed["orderId"])["result"]["list"]
    assert (order["stopOrderType"], order["createType"]) == ("TrailingStop", "CreateByTrailingStop")


def test_leverage_decides_the_margin(trader: PybitTrader) -> None:
    trader.session.set_leverage(**LINEAR, buyLeverage="20", sellLeverage="20")
    trader.places(qty="0.1")
    row = trader.position()
    assert row["leverage"] == "20"
    assert Decimal(row["positionIM"]) == pytest.approx(Decimal(row["positionValue"]) / 20, rel=Decimal("0.03"))
    trader.session.set_leverage(**LINEAR, buyLeverage="10", sellLeverage="10")
    assert Decimal(trader.position()["positionIM"]) > Decimal(row["positionIM"])
    with refused(110043):
        trader.session.set_leverage(**LINEAR, buyLeverage="10", sellLeverage="10")
    with refused(10001):
        trader.session.set_leverage(**LINEAR, buyLeverage="10", sellLeverage="11")
    with refused(110013):
        trader.session.set_leverage(**LINEAR, buyLeverage="101", sellLeverage="101")


def test_hedge_mode_holds_both_sides_and_is_left_only_when_flat(trader: PybitTrader) -> None:
    with refused(110025):
        trader.session.switch_position_mode(**LINEAR, mode=0)
    trader.session.switch_position_mode(**LINEAR, mode=3)
    with refused(10001):
        trader.places()
    trader.places(positionIdx=1)
    trader.places(side="Sell", positionIdx=2, qty="0.02")
    assert (trader.position(1)["side"], trader.position(1)["size"]) == ("Buy", "0.01")
    assert (trader.position(2)["side"], trader.position(2)["size"]) == ("Sell", "0.02")
    with refused(110024):
        trader.session.switch_position_mode(**LINEAR, mode=0)
    trader.closes(positionIdx=1)
    trader.closes(side="Buy", positionIdx=2, qty="0.02")
    resting = trader.rests(positionIdx=1)
    with refused(110028):
        trader.session.switch_position_mode(**LINEAR, mode=0)
    trader.session.cancel_order(**LINEAR, orderId=resting)
    trader.session.switch_position_mode(**LINEAR, mode=0)


def test_switching_by_coin_succeeds_when_nothing_changes(trader: PybitTrader) -> None:
    for _ in range(2):
        assert trader.session.switch_position_mode(category="linear", coin="USDT", mode=0)["retCode"] == 0


def test_the_margin_mode_is_the_accounts(trader: PybitTrader) -> None:
    for mode in ("REGULAR_MARGIN", "ISOLATED_MARGIN"):
        trader.session.set_margin_mode(setMarginMode=mode)
        assert trader.session.get_account_info()["result"]["marginMode"] == mode


def test_an_opposite_order_flips_the_position_at_its_own_price(trader: PybitTrader) -> None:
    trader.places()
    flipped = trader.order(trader.places(side="Sell", qty="0.03"))
    row = trader.position()
    assert (row["side"], row["size"]) == ("Sell", "0.02")
    assert Decimal(row["avgPrice"]) == Decimal(flipped["avgPrice"])


def test_closed_profit_is_what_the_fills_and_fees_say(trader: PybitTrader) -> None:
    bought = trader.places(qty="0.02")
    trader.exchange.steps(20 * MINUTE_MS)
    sold = trader.closes(qty="0.02")
    [closed] = trader.session.get_closed_pnl(**LINEAR, limit=1)["result"]["list"]
    entry, leave = trader.order(bought), trader.order(sold)
    gross = Decimal(leave["cumExecValue"]) - Decimal(entry["cumExecValue"])
    fees = Decimal(entry["cumExecFee"]) + Decimal(leave["cumExecFee"])
    assert (closed["orderId"], closed["side"], closed["closedSize"]) == (sold, "Sell", "0.02")
    assert Decimal(closed["openFee"]) + Decimal(closed["closeFee"]) == pytest.approx(fees, abs=Decimal("1e-6"))
    assert Decimal(closed["closedPnl"]) == pytest.approx(gross - fees, abs=Decimal("1e-6"))


def test_the_wallet_changes_by_profit_less_fees_and_funding(trader: PybitTrader) -> None:
    def balance() -> Decimal:
        [account] = trader.session.get_wallet_balance(accountType="UNIFIED", coin="USDT")["result"]["list"]
        return Decimal(account["coin"][0]["walletBalance"])

    before = balance()
    trader.places(qty="0.02")
    trader.exchange.steps(8 * HOUR_MS)
    trader.closes(qty="0.02")
    [closed] = trader.session.get_closed_pnl(**LINEAR, limit=1)["result"]["list"]
    [paid] = trader.session.get_executions(**LINEAR, execType="Funding", limit=1)["result"]["list"]
    assert (Decimal(paid["execFee"]) > 0, paid["orderType"]) == (True, "UNKNOWN")
    assert balance() - before == pytest.approx(Decimal(closed["closedPnl"]), abs=Decimal("1e-6"))


def test_equity_is_wallet_and_unrealised_profit(trader: PybitTrader) -> None:
    trader.places(qty="0.02")
    trader.exchange.steps(20 * MINUTE_MS)
    [account] = trader.session.get_wallet_balance(accountType="UNIFIED")["result"]["list"]
    [coin] = account["coin"]
    profit = Decimal(trader.position()["unrealisedPnl"])
    assert profit > 0
    assert Decimal(coin["equity"]) == Decimal(coin["walletBalance"]) + profit
    assert Decimal(account["totalPerpUPL"]) == profit
    assert coin["availableToWithdraw"] == ""


def test_fees_key_and_other_coins_are_told(trader: PybitTrader) -> None:
    [fee] = trader.session.get_fee_rates(**LINEAR)["result"]["list"]
    assert (fee["takerFeeRate"], fee["makerFeeRate"]) == ("0.00055", "0.0002")
    key = trader.session.get_api_key_information()["result"]
    assert (key["uta"], key["readOnly"], key["permissions"]["ContractTrade"]) == (1, 0, ["Order", "Position"])
    [account] = trader.session.get_wallet_balance(accountType="UNIFIED", coin="BTC")["result"]["list"]
    assert account["coin"] == []


def test_positions_by_coin_are_the_open_ones(trader: PybitTrader) -> None:
    assert trader.session.get_positions(category="linear", settleCoin="USDT")["result"]["list"] == []
    trader.places(symbol="ETHUSDT", qty="0.1")
    [row] = trader.session.get_positions(category="linear", settleCoin="USDT")["result"]["list"]
    assert (row["symbol"], row["size"]) == ("ETHUSDT", "0.1")
    with refused(10001):
        trader.session.get_positions(category="linear")


def test_a_position_too_far_gone_is_liquidated_at_its_bankruptcy_price(trader: PybitTrader) -> None:
    trader.session.set_leverage(**LINEAR, buyLeverage="100", sellLeverage="100")
    trader.places(side="Sell")
    row = trader.position()
    liquidation = Decimal(row["liqPrice"])
    assert Decimal(row["avgPrice"]) < liquidation < Decimal(row["avgPrice"]) * Decimal("1.01")
    trader.exchange.steps(55 * MINUTE_MS)
    assert trader.position()["size"] == "0"
    [bust] = trader.session.get_executions(**LINEAR, limit=1)["result"]["list"]
    assert (bust["execType"], bust["createType"]) == ("BustTrade", "CreateByTakeOver_PassThrough")
    assert Decimal(bust["execPrice"]) == pytest.approx(Decimal(row["avgPrice"]) * Decimal("1.01"), rel=Decimal("1e-5"))
