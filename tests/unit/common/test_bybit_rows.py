"""Numbers are taken as the venue wrote them; what is absent is None, never zero."""

from decimal import Decimal

import pytest

from libs.common.errors import Transient
from libs.common.exchange import bybit_rows as rows
from libs.common.exchange.bybit_reads import parsed
from libs.common.exchange.trading_types import OrderStatus
from libs.common.units import Side
from tests.support import bybit_samples as samples


def test_a_position_keeps_the_venues_digits() -> None:
    position = rows.position(samples.position(avgPrice="0.00001230", size="1200"))
    assert position is not None
    assert (str(position.entry), str(position.qty), position.side) == ("0.00001230", "1200", Side.LONG)


@pytest.mark.parametrize("none", ["", "0"])
def test_a_position_without_a_stop_has_none(none: str) -> None:
    position = rows.position(samples.position(stopLoss=none, liqPrice=none))
    assert position is not None
    assert (position.stop, position.liquidation) == (None, None)


@pytest.mark.parametrize("size", ["0", ""])
def test_a_flat_row_is_no_position(size: str) -> None:
    assert rows.position(samples.position(size=size, side="")) is None


def test_the_stream_calls_the_entry_by_another_name() -> None:
    pushed = samples.position(entryPrice="7")
    del pushed["avgPrice"]
    position = rows.position(pushed)
    assert position is not None
    assert position.entry == 7


def test_an_order_without_a_fill_has_no_average() -> None:
    for none in ("", "0"):
        assert rows.order(samples.order(avgPrice=none)).average is None
    assert rows.order(samples.order(orderStatus="Deactivated")).status is OrderStatus.DEACTIVATED


def test_a_plain_order_is_no_stop_order() -> None:
    assert rows.order(samples.order(stopOrderType="UNKNOWN")).stop_order_type == ""
    assert rows.order(samples.order(stopOrderType="StopLoss")).stop_order_type == "StopLoss"


def test_an_unknown_execution_type_is_not_booked() -> None:
    assert rows.execution(samples.execution(execType="Lottery")) is None


def test_an_account_that_says_what_is_available_is_believed() -> None:
    assert rows.wallet(samples.account(totalAvailableBalance="123.4")).available == Decimal("123.4")


def test_available_is_reckoned_from_the_coin_where_the_account_does_not_say() -> None:
    wallet = rows.wallet(samples.account())
    assert (wallet.balance, wallet.available) == (Decimal("500.25"), Decimal("300.249"))


def test_an_account_without_usdt_is_an_error_and_not_an_empty_wallet() -> None:
    with pytest.raises(Transient):
        parsed(rows.wallet, samples.account(coin=[]))


@pytest.mark.parametrize(
    "changes",
    [
        {"contractType": "LinearFutures"},
        {"settleCoin": "USDC"},
        {"status": "PreLaunch"},
        {"symbol": "BTC-26DEC25"},
        {"symbol": "A" * 21},
        {"symbol": "币安人生USDT"},
        {"symbol": "btcusdt"},
    ],
)
def test_what_we_cannot_trade_is_not_ours(changes: dict[str, str]) -> None:
    assert rows.is_ours(samples.instrument())
    assert not rows.is_ours(samples.instrument(**changes))
