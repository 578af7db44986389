from decimal import Decimal as D

import orjson
import pytest
from pydantic import JsonValue

from libs.common.errors import Poison
from libs.common.exchange.trading_types import Action
from libs.common.units import Instant, Price, Qty, Symbol
from services.paper_exchange.core.market.depth import Level
from services.paper_exchange.core.market.market import Bar, Trade
from services.paper_exchange.core.relayed.upstream_frames import (
    Answered,
    CandlesHeard,
    Heard,
    LevelsHeard,
    TickerHeard,
    TradesHeard,
    read_frame,
    topics,
)

BTC = Symbol("BTCUSDT")
NOW = 1_757_894_460_000
Row = dict[str, JsonValue]


def read(topic: str, data: JsonValue, **changes: JsonValue) -> Heard:
    frame = {"topic": topic, "type": "snapshot", "ts": NOW, "data": data, **changes}
    return read_frame(orjson.dumps({key: value for key, value in frame.items() if value is not None}))


def trade(**changes: JsonValue) -> Row:
    return {"T": NOW, "s": "BTCUSDT", "S": "Sell", "v": "0.5", "p": "100.5", "i": "abc", "seq": 7, **changes}


def candle(**changes: JsonValue) -> Row:
    prices = {"open": "100", "high": "102", "low": "99", "close": "101"}
    return {"start": NOW, **prices, "volume": "3", "turnover": "301.5", "confirm": True, **changes}


def test_a_trade_is_read_from_the_venues_strings() -> None:
    price, qty = Price(D("100.5")), Qty(D("0.5"))
    told = Trade(Instant(NOW), BTC, price, qty, Action.SELL, 7, "abc")
    assert read("publicTrade.BTCUSDT", [trade()]) == TradesHeard(Instant(NOW), [told])


def test_a_ticker_keeps_only_what_the_venue_wrote_as_text() -> None:
    fields: JsonValue = {"symbol": "BTCUSDT", "lastPrice": "100", "preQty": None, "markPrice": "99"}
    kept = {"symbol": "BTCUSDT", "lastPrice": "100", "markPrice": "99"}
    assert read("tickers.BTCUSDT", fields, type="delta") == TickerHeard(Instant(NOW), BTC, False, kept)


def test_levels_are_read_with_their_number() -> None:
    data: JsonValue = {"s": "BTCUSDT", "b": [["99", "1"]], "a": [["101", "0"]], "u": 12, "seq": 5}
    bids, asks = [Level(Price(D(99)), Qty(D(1)))], [Level(Price(D(101)), Qty(D(0)))]
    assert read("orderbook.50.BTCUSDT", data) == LevelsHeard(Instant(NOW), BTC, True, 12, bids, asks)


def test_a_candle_is_closed_when_the_venue_says_so() -> None:
    heard = read("kline.1.BTCUSDT", [candle(confirm=False)])
    prices = (Price(D(100)), Price(D(102)), Price(D(99)), Price(D(101)))
    bar = Bar(Instant(NOW), *prices, Qty(D(3)), D("301.5"), closed=False)
    assert heard == CandlesHeard(Instant(NOW), BTC, [bar])


@pytest.mark.parametrize(
    ("answer", "heard"),
    [
        ({"success": True, "ret_msg": "pong", "op": "ping"}, Answered("ping", True, "pong")),
        ({"success": False, "ret_msg": "error:handler not found"}, Answered("", False, "error:handler not found")),
        ({"op": "pong"}, Answered("pong", True, "")),
    ],
)
def test_what_has_no_topic_is_an_answer(answer: Row, heard: Answered) -> None:
    assert read_frame(orjson.dumps(answer)) == heard


@pytest.mark.parametrize(
    ("topic", "data"),
    [
        ("publicTrade.BTCUSDT", [trade(p="NaN")]),
        ("publicTrade.BTCUSDT", [trade(p="0")]),
        ("publicTrade.BTCUSDT", [trade(p=100.5)]),
        ("publicTrade.BTCUSDT", [trade(p="1" * 50)]),
        ("publicTrade.BTCUSDT", [trade(v="-1")]),
        ("publicTrade.BTCUSDT", [trade(S="Up")]),
        ("publicTrade.BTCUSDT", [trade(T=True)]),
        ("publicTrade.BTCUSDT", [trade(T=-1)]),
        ("publicTrade.BTCUSDT", {"a": 1}),
        ("publicTrade.BTCUSDT", [7]),
        ("tickers.BTCUSDT", {"lastPrice": "Infinity"}),
        ("tickers.BTCUSDT", [1]),
        ("tickers", {"lastPrice": "1"}),
        ("orderbook.50.BTCUSDT", {"s": "BTCUSDT", "b": [["99"]], "a": [], "u": 1}),
        ("orderbook.50.BTCUSDT", {"s": "BTCUSDT", "b": {}, "a": [], "u": 1}),
        ("orderbook.50.BTCUSDT", {"s": "BTCUSDT", "a": [], "u": 1}),
        ("kline.1.BTCUSDT", [candle(high="100.5")]),
        ("kline.1.BTCUSDT", [candle(low="0", open="0")]),
        ("kline.1.BTCUSDT", [candle(start=NOW + 1)]),
        ("kline.1.BTCUSDT", [5]),
        ("liquidation.BTCUSDT", {}),
    ],
)
def test_what_cannot_be_read_is_poison(topic: str, data: JsonValue) -> None:
    with pytest.raises(Poison):
        read(topic, data)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "7", "null", '"topic"', b"\xff", '{"topic": 5, "data": {}}', "[" * 5_000]
)
def test_what_is_no_frame_is_poison(text: str | bytes) -> None:
    with pytest.raises(Poison):
        read_frame(text)


def test_a_frame_without_its_time_is_poison() -> None:
    with pytest.raises(Poison):
        read("tickers.BTCUSDT", {"lastPrice": "1"}, ts=None)


def test_four_topics_tell_a_symbol() -> None:
    assert topics(BTC) == ("kline.1.BTCUSDT", "publicTrade.BTCUSDT", "orderbook.50.BTCUSDT", "tickers.BTCUSDT")
