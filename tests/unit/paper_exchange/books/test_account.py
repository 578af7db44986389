from decimal import Decimal as D

import pytest

from libs.common.errors import Refused
from libs.common.units import Symbol
from services.paper_exchange.core.books.changes import AccountChanged, MarginMode
from services.paper_exchange.core.books.funds import equity
from services.paper_exchange.core.books.leg import Leg
from tests.support.scripted_market import BTC, ETH
from tests.support.trading_floor import Floor


def refused(floor: Floor, path: str, **fields: str | int) -> int | None:
    with pytest.raises(Refused) as error:
        floor.asks(path, **fields)
    return error.value.code


def test_a_symbol_in_hedge_mode_holds_a_long_and_a_short() -> None:
    floor = Floor()
    floor.asks("position/switch-mode", mode=3)
    floor.buys("2", positionIdx=1)
    floor.sells("1", positionIdx=2)
    long, short = floor.books.open_positions(BTC)
    assert (long.leg, long.size, short.leg, short.size) == (Leg.LONG, D(2), Leg.SHORT, D(1))
    assert floor.books.legs(ETH) == (Leg.ONE_WAY,)


def test_in_hedge_mode_the_closing_side_only_closes() -> None:
    floor = Floor()
    floor.asks("position/switch-mode", mode=3)
    assert refused(floor, "order/create", side="Sell", orderType="Market", qty="1", positionIdx=1) == 110017
    floor.buys("1", positionIdx=1)
    floor.sells("3", positionIdx=1)
    assert (floor.fills[-1].closed, floor.books.open_positions()) == (D(1), [])


@pytest.mark.parametrize(("hedge", "index"), [(False, 1), (False, 2), (True, 0)])
def test_an_index_that_the_mode_does_not_have_is_refused(hedge: bool, index: int) -> None:
    floor = Floor()
    if hedge:
        floor.asks("position/switch-mode", mode=3)
    assert refused(floor, "order/create", side="Buy", orderType="Market", qty="1", positionIdx=index) == 10001


def test_switching_by_coin_takes_every_symbol_along_and_back() -> None:
    floor = Floor()
    by_coin = {"symbol": "", "coin": "USDT"}
    floor.asks("position/switch-mode", **by_coin, mode=3)
    floor.asks("position/switch-mode", **by_coin, mode=3)
    floor.asks("position/switch-mode", **by_coin, mode=0)
    told = [change.account.hedged for change in floor.books.journal if isinstance(change, AccountChanged)]
    assert told == [(BTC, ETH), ()]


def test_leverage_is_kept_when_the_mode_changes() -> None:
    floor = Floor()
    floor.asks("position/set-leverage", buyLeverage="4", sellLeverage="4")
    floor.asks("position/switch-mode", mode=3)
    assert {floor.books.position(BTC, leg).leverage for leg in floor.books.legs(BTC)} == {D(4)}


def test_the_legs_of_a_hedge_may_have_leverages_of_their_own_while_isolated() -> None:
    floor = Floor()
    floor.asks("position/switch-mode", mode=3)
    floor.asks("position/set-leverage", buyLeverage="4", sellLeverage="7")
    assert [floor.books.position(BTC, leg).leverage for leg in floor.books.legs(BTC)] == [D(4), D(7)]
    assert refused(floor, "position/set-leverage", buyLeverage="4", sellLeverage="7") == 110043
    floor.asks("account/set-margin-mode", setMarginMode="REGULAR_MARGIN")
    assert refused(floor, "position/set-leverage", buyLeverage="4", sellLeverage="8") == 10001


def test_a_large_position_may_not_have_the_leverage_of_a_small_one() -> None:
    floor = Floor(balance="1000000")
    floor.buys("100")
    floor.buys("100")
    floor.buys("100", orderType="Limit", price="100")
    for _ in range(20):
        floor.buys("100", orderType="Limit", price="99")
    assert refused(floor, "position/set-leverage", buyLeverage="50", sellLeverage="50") == 110013


def test_the_margin_mode_is_the_account_s_and_switches_only_where_the_wallet_carries_it() -> None:
    floor = Floor(balance="15")
    floor.buys("1")
    floor.asks("account/set-margin-mode", setMarginMode="REGULAR_MARGIN")
    assert floor.books.account.margin_mode is MarginMode.CROSS
    floor.moves("200")
    floor.buys("0.3")  # profit pays for it in cross margin, and would not alone
    assert refused(floor, "account/set-margin-mode", setMarginMode="ISOLATED_MARGIN") == 3400045
    assert floor.books.account.margin_mode is MarginMode.CROSS


def test_an_unlisted_symbol_has_no_leverage() -> None:
    assert (
        refused(Floor(), "position/set-leverage", symbol=Symbol("NOUSDT"), buyLeverage="4", sellLeverage="4") == 10001
    )


@pytest.mark.parametrize(
    ("path", "fields", "code"),
    [
        ("position/set-leverage", {"buyLeverage": "10", "sellLeverage": "10"}, 110011),
        ("account/set-margin-mode", {"setMarginMode": "ISOLATED_MARGIN"}, 3400045),
    ],
)
def test_no_change_of_margin_lets_a_position_be_taken_over_for_less_than_it_has_lost(
    path: str, fields: dict[str, str], code: int
) -> None:
    floor = Floor()
    if path.endswith("mode"):
        floor.asks("account/set-margin-mode", setMarginMode="REGULAR_MARGIN")
    else:
        floor.asks("position/set-leverage", buyLeverage="2", sellLeverage="2")
    floor.buys("1")
    floor.moves("70")  # bankrupt at 90 with a leverage of 10
    before = equity(floor.books)
    assert refused(floor, path, **fields) == code
    floor.moves("70")
    assert equity(floor.books) == before
