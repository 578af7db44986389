from decimal import Decimal as D

import pytest
from pydantic import JsonValue

from libs.common.errors import Refused
from services.paper_exchange.core.books.fields import Fields, Json
from services.paper_exchange.core.dialect.answers import ANSWERS
from tests.support.trading_floor import Floor


def asked(floor: Floor, path: str, **fields: JsonValue) -> Json:
    return ANSWERS[f"/v5/{path}"](floor.books, Fields({"category": "linear", **fields}), floor.now)


def rows(answer: Json) -> list[dict[str, JsonValue]]:
    found = answer["list"]
    assert isinstance(found, list)
    return [row for row in found if isinstance(row, dict)]


def both_open() -> Floor:
    floor = Floor()
    floor.buys("1")
    floor.buys("1", symbol="ETHUSDT")
    return floor


@pytest.mark.parametrize(
    ("fields", "symbols"),
    [
        ({"symbol": "BTCUSDT"}, ["BTCUSDT"]),
        ({"symbol": "BTCUSDT", "settleCoin": "USDT"}, ["BTCUSDT"]),  # the symbol outranks the coin
        ({"settleCoin": "USDT"}, ["BTCUSDT", "ETHUSDT"]),
        ({"settleCoin": "USDC"}, []),
        ({"category": "inverse"}, []),  # a client's first look asks for it and waits for ever on an error
    ],
)
def test_positions_come_by_symbol_or_by_settle_coin(fields: dict[str, JsonValue], symbols: list[str]) -> None:
    assert [row["symbol"] for row in rows(asked(both_open(), "position/list", **fields))] == symbols


def test_a_flat_position_is_a_row_by_symbol_and_none_by_coin() -> None:
    floor = Floor()
    (row,) = rows(asked(floor, "position/list", symbol="BTCUSDT"))
    assert (row["side"], row["size"], row["leverage"]) == ("", "0", "10")
    assert not rows(asked(floor, "position/list", settleCoin="USDT"))


def test_pages_of_positions_follow_the_cursor_to_the_end() -> None:
    floor = both_open()
    first = asked(floor, "position/list", settleCoin="USDT", limit=1)
    last = asked(floor, "position/list", settleCoin="USDT", limit=1, cursor=first["nextPageCursor"])
    assert [row["symbol"] for page in (first, last) for row in rows(page)] == ["BTCUSDT", "ETHUSDT"]
    assert last["nextPageCursor"] == ""


@pytest.mark.parametrize(
    ("path", "fields", "text"),
    [
        ("position/list", {}, "symbol or settleCoin required"),
        ("position/list", {"category": ""}, "category required"),
        ("position/list", {"symbol": "NOPEUSDT"}, "Not supported symbols"),
        ("account/wallet-balance", {}, "accountType required"),
        ("account/wallet-balance", {"accountType": "CONTRACT"}, "only support UNIFIED"),
        ("account/fee-rate", {"category": "spot"}, "category only supports linear"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused_as_a_bad_parameter(
    path: str, fields: dict[str, JsonValue], text: str
) -> None:
    with pytest.raises(Refused, match=text) as refused:
        asked(Floor(), path, **fields)
    assert refused.value.code == 10001


@pytest.mark.parametrize(("coin", "count"), [("", 1), ("USDT", 1), ("usdt", 1), ("BTC,USDT", 1), ("BTC", 0)])
def test_the_wallet_shows_the_coins_that_were_asked_for(coin: str, count: int) -> None:
    (row,) = rows(asked(Floor(), "account/wallet-balance", accountType="UNIFIED", coin=coin))
    coins = row["coin"]
    assert isinstance(coins, list)
    assert len(coins) == count
    assert row["totalWalletBalance"] == "1000"


def test_the_rates_that_are_told_are_those_that_are_charged() -> None:
    floor = Floor()
    floor.buys("1")
    (rate,) = rows(asked(floor, "account/fee-rate", symbol="BTCUSDT"))
    (fill,) = floor.fills
    assert D(str(rate["takerFeeRate"])) == fill.fee / (fill.qty * fill.price)
    assert [row["symbol"] for row in rows(asked(floor, "account/fee-rate"))] == ["BTCUSDT", "ETHUSDT"]


def test_the_key_may_trade_and_not_withdraw_and_the_account_is_unified() -> None:
    key = asked(Floor(), "user/query-api")
    permissions = key["permissions"]
    assert isinstance(permissions, dict)
    assert (permissions["Wallet"], permissions["ContractTrade"]) == ([], ["Order", "Position"])
    assert (key["readOnly"], key["uta"], key["secret"]) == (0, 1, "")
    assert asked(Floor(), "account/info")["unifiedMarginStatus"] == 5
    assert asked(Floor(), "asset/coin/query-info") == {"rows": []}


def test_a_question_changes_nothing() -> None:
    floor = both_open()
    floor.books.take_journal()
    before = floor.books.totals
    for path in ANSWERS:
        asked(floor, path.removeprefix("/v5/"), symbol="BTCUSDT", accountType="UNIFIED")
    assert (floor.books.take_journal(), floor.books.totals) == ([], before)
