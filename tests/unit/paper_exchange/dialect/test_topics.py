import pytest

from libs.common.units import HOUR_MS, MINUTE_MS, Symbol
from services.paper_exchange.core.dialect.topics import KlineTopic, TickerTopic, read_topic

BTC = Symbol("BTCUSDT")


def test_topics_are_read_and_named_alike() -> None:
    for name in ("kline.M.BTCUSDT", "tickers.BTCUSDT", "publicTrade.BTCUSDT", "orderbook.50.BTCUSDT"):
        topic = read_topic(name)
        assert topic is not None
        assert topic.name == name


@pytest.mark.parametrize(
    "name", ["", "kline.BTCUSDT", "kline.7.BTCUSDT", "orderbook.7.BTCUSDT", "publicTrade", "tickers", "a.b.c.d"]
)
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
