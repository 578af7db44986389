import pytest

from libs.common.units import HOUR_MS, MINUTE_MS, Symbol
from services.paper_exchange.core.topics import KlineTopic, TickerTopic, read_topic, ticker_delta

BTC = Symbol("BTCUSDT")


def test_topics_are_read_and_named_alike() -> None:
    for name in ("kline.60.BTCUSDT", "tickers.BTCUSDT"):
        topic = read_topic(name)
        assert topic is not None
        assert topic.name == name


@pytest.mark.parametrize("name", ["", "kline.BTCUSDT", "kline.7.BTCUSDT", "publicTrade.BTCUSDT", "tickers", "a.b.c.d"])
def test_what_is_not_streamed_is_no_topic(name: str) -> None:
    assert read_topic(name) is None


def test_candles_are_ordered_by_symbol_then_length_of_the_interval() -> None:
    topics = [
        KlineTopic(BTC, HOUR_MS, "60"),
        KlineTopic(BTC, 15 * MINUTE_MS, "15"),
        KlineTopic(Symbol("A"), HOUR_MS, "60"),
    ]

    assert [topic.name for topic in sorted(topics)] == ["kline.60.A", "kline.15.BTCUSDT", "kline.60.BTCUSDT"]
    assert sorted([TickerTopic(BTC), TickerTopic(Symbol("A"))])[0].symbol == "A"


def test_a_delta_names_its_symbol_and_what_changed() -> None:
    before, after = (
        {"symbol": "B", "lastPrice": "1", "bid1Price": "0"},
        {"symbol": "B", "lastPrice": "2", "bid1Price": "0"},
    )

    assert ticker_delta({**before}, {**after}) == {"symbol": "B", "lastPrice": "2"}
    assert ticker_delta({**after}, {**after}) == {"symbol": "B"}
