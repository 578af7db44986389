from libs.common.units import Symbol
from services.paper_exchange.core.dialect.subscriptions import Subscriptions
from services.paper_exchange.core.dialect.topics import BookTopic, TickerTopic, TradeTopic

BTC = Symbol("BTCUSDT")


def test_an_audience_is_who_wants_the_topic_first_come_first() -> None:
    wanted: Subscriptions[str] = Subscriptions()
    for name in ("b", "a", "b"):
        wanted.add(TickerTopic(BTC), name)

    assert list(wanted.audience(TickerTopic(BTC))) == ["b", "a"]
    assert list(wanted.audience(TradeTopic(BTC))) == []


def test_only_topics_that_somebody_wants_are_looked_at_and_only_of_one_kind() -> None:
    wanted: Subscriptions[str] = Subscriptions()
    wanted.add(BookTopic(BTC, 1), "a")
    wanted.add(BookTopic(BTC, 50), "a")
    wanted.add(TradeTopic(BTC), "a")
    wanted.drop(BookTopic(BTC, 1), "a")
    wanted.drop(TickerTopic(BTC), "a")

    assert wanted.of(BookTopic) == [BookTopic(BTC, 50)]
    assert set(wanted.topics("a")) == {BookTopic(BTC, 50), TradeTopic(BTC)}
    assert list(wanted.topics("b")) == []
