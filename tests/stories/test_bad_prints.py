"""One wrong print reaches no indicator, and nothing that the market really did is kept from any."""

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Final

import pytest
from structlog.testing import capture_logs

from libs.common.exchange.market_types import Candle, CandleClosedFrame
from libs.common.units import Price, Qty, Symbol
from services.fetcher.core.outliers import WINDOW
from tests.support.fetchers import Replica, stored
from tests.support.market_hall import ETH, SYMBOLS, MarketHall, market_hall
from tests.support.venue_candles import BTC, closes_at, venue_candle

SOL: Final = Symbol("SOLUSDT")
MARKET: Final = (*SYMBOLS, SOL)


@pytest.fixture
async def hall(tmp_path: Path) -> AsyncIterator[MarketHall]:
    async with market_hall(tmp_path, symbols=MARKET, history=WINDOW + 8) as made:
        yield made


async def loaded(hall: MarketHall) -> Replica:
    """A fetcher that knows what is usual, and every tick."""
    replica = await hall.starts()
    await hall.loaded()
    await hall.until(lambda: replica.fetcher.series.quarantine.ticks.keys() == set(MARKET))
    return replica


def wick(n: int, symbol: Symbol = BTC) -> Candle:
    """A third lower for a moment, and nobody traded more."""
    return venue_candle(n, symbol=symbol)._replace(low=Price(Decimal(660)))


def prints(hall: MarketHall, candle: Candle) -> None:
    """Let the stream tell this for a candle that REST has right."""
    hall.venue.books.now = closes_at((candle.open_at - venue_candle(0).open_at) // candle.timeframe.ms)
    hall.venue.push(CandleClosedFrame(candle._replace(closed=True), hall.venue.books.now))


async def test_a_bad_print_of_the_stream_is_replaced_by_what_the_venue_has(hall: MarketHall) -> None:
    replica = await loaded(hall)
    hall.closes(0, symbols=(ETH, SOL))
    hall.venue.put_candles(venue_candle(0))
    prints(hall, wick(0))
    await hall.until(lambda: replica.fetcher.quarantined == 1, within_s=1)
    assert hall.told() == []
    await hall.until(lambda: hall.told() == [0], within_s=2)
    assert stored(hall.redis, BTC)[-1].low == venue_candle(0).low
    assert 'ironkeel_fetcher_candles_total{what="outlier"} 1.0' in replica.health.metrics.text().decode()
    await hall.until(lambda: replica.health.facts["quarantined"] == 0)


async def test_a_print_that_the_venue_stands_by_is_told_within_seconds_and_logged(hall: MarketHall) -> None:
    replica = await loaded(hall)
    with capture_logs() as logs:
        hall.closes(0, symbols=(ETH, SOL))
        hall.venue.put_candles(wick(0))
        prints(hall, wick(0))
        await hall.until(lambda: hall.told() == [0], within_s=5)
    assert [row["event"] for row in logs if row["event"].startswith("candle.")] == [
        "candle.quarantined",
        "candle.confirmed",
    ]
    assert stored(hall.redis, BTC)[-1].low == 660
    assert replica.fetcher.counts["confirmed"] == 1


async def test_a_price_between_two_ticks_is_asked_for_again(hall: MarketHall) -> None:
    replica = await loaded(hall)
    hall.venue.put_candles(venue_candle(0))
    prints(hall, venue_candle(0, close=Price(Decimal("1000.05"))))
    await hall.until(lambda: hall.told() == [0], within_s=2)
    assert stored(hall.redis, BTC)[-1].close == venue_candle(0).close
    assert replica.fetcher.counts["off_tick"] == 1


async def test_a_crash_of_the_whole_market_is_told_at_once(hall: MarketHall) -> None:
    """2025-10-10: what really happens is traded, by everybody."""
    replica = await loaded(hall)
    for symbol in MARKET:
        crashed = wick(0, symbol)._replace(volume=Qty(Decimal(200)))
        hall.venue.put_candles(crashed)
        prints(hall, crashed)
    await hall.until(lambda: all(hall.told(symbol) == [0] for symbol in MARKET), within_s=0.3)
    assert replica.fetcher.counts["outlier"] == 0


async def test_a_candle_without_volume_is_a_candle(hall: MarketHall) -> None:
    """2025-08-29: a venue stood still for a quarter of an hour, and said so."""
    await loaded(hall)
    price = venue_candle(-1).close
    still = venue_candle(0, open=price, high=price, low=price, close=price, volume=Decimal(0), turnover=Decimal(0))
    hall.venue.close_candle(still)
    await hall.until(lambda: hall.told() == [0], within_s=0.3)


async def test_a_fetcher_that_was_killed_knows_what_is_usual_when_it_is_back(hall: MarketHall) -> None:
    await loaded(hall)
    await hall.dies("fetcher")
    replica = await loaded(hall)
    hall.closes(0, symbols=(ETH, SOL))
    hall.venue.put_candles(venue_candle(0))
    prints(hall, wick(0))
    await hall.until(lambda: hall.told() == [0], within_s=2)
    assert replica.fetcher.counts["outlier"] == 1
