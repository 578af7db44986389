from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.units import Instant, Symbol
from services.paper_exchange.adapters.markets.replay import replay_market
from services.paper_exchange.core.dialect.market_frames import side_delta
from services.paper_exchange.core.dialect.shown import ticker_row
from services.paper_exchange.core.dialect.streams import REPEAT_MS, Candles, OrderBooks, Tickers, Trades
from services.paper_exchange.core.dialect.topics import INTERVALS, BookTopic, KlineTopic, TickerTopic, TradeTopic
from tests.support.panels import MADE_FIRST, STEP_MS, MadePanel
from tests.support.shown_market import ShownMarket

BTC = Symbol("BTCUSDT")
NOW = Instant(MADE_FIRST + 40 * STEP_MS)
sides = st.dictionaries(st.sampled_from("123456789"), st.sampled_from("123"))


@pytest.fixture
def shown(made_panel: MadePanel) -> ShownMarket:
    return ShownMarket(replay_market(made_panel.directory, symbols="top:50", start=None, end=None), NOW)


@given(before=sides, after=sides)
def test_a_delta_makes_of_one_side_the_other_and_deletes_only_what_is_there(
    before: dict[str, str], after: dict[str, str]
) -> None:
    made = dict(before)
    for price, size in side_delta(before, after).items():
        if size == "0":
            del made[price]
        else:
            made[price] = size

    assert made == after


@pytest.mark.parametrize("interval", ["1", "15", "60", "D"])
def test_every_candle_is_closed_once_however_time_passes(shown: ShownMarket, interval: str) -> None:
    topic = KlineTopic(BTC, INTERVALS[interval], interval)
    candles, until = Candles(shown), Instant(NOW + 26 * 4 * STEP_MS)

    def closes(step: int) -> list[tuple[Instant, Instant]]:
        found = []
        for after in range(NOW, until, step):
            upto = Instant(min(after + step, until))
            found += [(at, bar.open_at) for at, _, bar in candles.closed(topic, Instant(after), upto)]
        return found

    at_once = closes(until - NOW)
    assert at_once == closes(7 * 60_000)
    assert [at for at, _ in at_once] == [
        at for at in range(NOW + 60_000, until + 1, 60_000) if at % topic.interval_ms == 0
    ]


def test_a_tickers_deltas_add_up_to_the_row_of_rest(shown: ShownMarket) -> None:
    tickers, topic = Tickers(shown), TickerTopic(BTC)
    frame: Any = tickers.snapshot(topic)
    merged = dict(frame["data"])
    for _ in range(20):
        shown.now = Instant(shown.now + 47_000)
        news: Any = tickers.news(topic, unchanged=False)
        if news is not None:
            assert news["type"] == "delta"
            merged |= news["data"]

    assert merged.pop("tickDirection") in {"PlusTick", "ZeroPlusTick", "MinusTick", "ZeroMinusTick"}
    assert merged == ticker_row(shown, shown.market.instruments[0])
    assert tickers.news(topic, unchanged=False) is None
    assert tickers.news(topic, unchanged=True) is not None


def test_trades_are_told_oldest_first_and_none_twice(shown: ShownMarket) -> None:
    trades, topic = Trades(shown), TradeTopic(BTC)
    told: list[Any] = []
    for after in range(NOW, NOW + STEP_MS, 100_000):
        news: Any = trades.news(topic, Instant(after), Instant(after + 100_000))
        told += news["data"] if news else []

    numbers = [row["seq"] for row in told]
    assert numbers == sorted(set(numbers))
    assert all(NOW < row["T"] <= NOW + STEP_MS for row in told)
    assert trades.news(topic, NOW, NOW) is None


def test_the_best_prices_are_told_again_after_a_while_and_deeper_books_only_when_they_change(
    shown: ShownMarket,
) -> None:
    books, best, deep = OrderBooks(shown), BookTopic(BTC, 1), BookTopic(BTC, 50)
    first: Any = books.snapshot(best, 0)
    books.snapshot(deep, 0)
    shown.now = Instant(NOW + 1)

    assert books.news(best, REPEAT_MS - 1) is None
    again: Any = books.news(best, REPEAT_MS)
    assert again["data"] == first["data"]
    assert books.news(best, REPEAT_MS + 1) is None
    assert books.news(deep, 10 * REPEAT_MS) is None


def test_a_book_that_nobody_listened_to_begins_anew(shown: ShownMarket) -> None:
    books, topic = OrderBooks(shown), BookTopic(BTC, 50)
    books.snapshot(topic, 0)
    books.forget(topic)

    news: Any = books.news(topic, 0)
    assert news["type"] == "snapshot"
