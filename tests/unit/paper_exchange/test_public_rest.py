from typing import Any

import pytest
from starlette.routing import Route

from libs.common.clock import VirtualClock
from libs.common.units import HOUR_MS, Instant
from services.paper_exchange.adapters.public_rest import public_routes
from services.paper_exchange.adapters.replay import replay_market
from tests.support.panels import MADE_FIRST, STEP_MS, MadePanel
from tests.support.shown_market import ShownMarket, get

pytestmark = pytest.mark.anyio

WALL = Instant(1_800_000_000_123)
NOW = Instant(MADE_FIRST + 40 * STEP_MS + 1_000)  # ten hours in, one second into a candle


@pytest.fixture
def shown(made_panel: MadePanel) -> ShownMarket:
    return ShownMarket(replay_market(made_panel.directory, symbols="top:50", start=None, end=None), NOW)


@pytest.fixture
def routes(shown: ShownMarket) -> list[Route]:
    return public_routes(shown, VirtualClock(WALL))


async def market(routes: list[Route], path: str, **params: str | int) -> Any:
    """What `/v5/market/<path>` answers, out of its envelope."""
    return (await get(routes, f"/v5/market/{path}", **params))["result"]


async def kline(routes: list[Route], **params: str | int) -> Any:
    usual: dict[str, str | int] = {"category": "linear", "symbol": "BTCUSDT", "interval": "15"}
    return (await market(routes, "kline", **{**usual, **params}))["list"]


async def test_time_is_the_walls(routes: list[Route]) -> None:
    envelope = await get(routes, "/v5/market/time")

    assert envelope["result"] == {"timeSecond": "1800000000", "timeNano": "1800000000123000000"}
    assert (envelope["retCode"], envelope["retMsg"], envelope["time"]) == (0, "OK", WALL)


async def test_candles_come_newest_first_with_the_forming_one_on_top(routes: list[Route]) -> None:
    listed = await kline(routes, limit=3)

    assert [int(row[0]) for row in listed] == [MADE_FIRST + k * STEP_MS for k in (40, 39, 38)]
    assert all(len(row) == 7 for row in listed)


async def test_a_start_is_where_the_window_begins(routes: list[Route]) -> None:
    listed = await kline(routes, start=MADE_FIRST + 5 * STEP_MS, limit=2)

    assert [int(row[0]) for row in listed] == [MADE_FIRST + k * STEP_MS for k in (6, 5)]


async def test_start_and_end_are_both_inside_the_window(routes: list[Route]) -> None:
    listed = await kline(routes, start=MADE_FIRST + STEP_MS, end=MADE_FIRST + 3 * STEP_MS)

    assert [int(row[0]) for row in listed] == [MADE_FIRST + k * STEP_MS for k in (3, 2, 1)]


async def test_asking_again_later_gives_the_same_rows_and_the_new_ones(shown: ShownMarket, routes: list[Route]) -> None:
    before = await kline(routes, limit=20)
    shown.now = Instant(NOW + 2 * STEP_MS)

    after = await kline(routes, limit=20)

    assert after[3:] == before[1:-2]
    assert after == await kline(public_routes(shown, VirtualClock(WALL)), limit=20)


async def test_candles_at_the_very_opening_time_are_all_closed(shown: ShownMarket, routes: list[Route]) -> None:
    shown.now = Instant(MADE_FIRST + 40 * STEP_MS)

    assert int((await kline(routes, limit=1))[0][0]) == MADE_FIRST + 39 * STEP_MS


async def test_mark_price_candles_have_five_columns(routes: list[Route]) -> None:
    full = await kline(routes, limit=4)

    envelope = await get(routes, "/v5/market/mark-price-kline", symbol="BTCUSDT", interval="15", limit=4)

    assert envelope["result"]["list"] == [row[:5] for row in full]


@pytest.mark.parametrize(
    ("path", "params", "text"),
    [
        ("kline", {"symbol": "NOUSDT", "interval": "15"}, "Not supported symbols"),
        ("kline", {"symbol": "NEWUSDT", "interval": "15"}, "Not supported symbols"),
        ("kline", {"symbol": "BTCUSDT", "interval": "7"}, "Invalid period!"),
        ("kline", {"symbol": "BTCUSDT", "interval": "15", "limit": 0}, "limit"),
        ("kline", {"symbol": "BTCUSDT", "interval": "15", "start": "x"}, "start"),
        ("kline", {"symbol": "BTCUSDT", "interval": "15", "start": 9, "end": 8}, "end"),
        ("kline", {"interval": "15"}, "symbol"),
        ("kline", {"symbol": "BTCUSDT", "interval": "15", "category": "spot"}, "category"),
        ("tickers", {}, "category"),
        ("tickers", {"category": "nonsense"}, "category"),
        ("tickers", {"category": "linear", "symbol": "NOUSDT"}, "Not supported symbols"),
        ("funding/history", {"category": "linear", "symbol": "SOLUSDT", "startTime": 1}, "endTime"),
    ],
)
async def test_a_request_that_cannot_be_is_10001_with_a_text(
    routes: list[Route], path: str, params: dict[str, str | int], text: str
) -> None:
    envelope = await get(routes, f"/v5/market/{path}", **params)

    assert (envelope["http"], envelope["retCode"], envelope["result"]) == (200, 10001, {})
    assert text in str(envelope["retMsg"])


async def test_only_what_is_listed_by_now_is_told(shown: ShownMarket, routes: list[Route]) -> None:
    async def listed() -> list[object]:
        envelope = await get(routes, "/v5/market/instruments-info", category="linear")
        return [row["symbol"] for row in envelope["result"]["list"]]

    assert await listed() == ["BTCUSDT", "ETHUSDT", "SOLUSDT"]
    shown.now = Instant(MADE_FIRST + 96 * STEP_MS)
    assert await listed() == ["BTCUSDT", "ETHUSDT", "NEWUSDT", "SOLUSDT"]


async def test_an_instrument_tells_its_filters_as_strings(routes: list[Route]) -> None:
    envelope = await get(routes, "/v5/market/instruments-info", category="linear", symbol="SOLUSDT")

    (row,) = envelope["result"]["list"]
    assert row["priceFilter"] == {"minPrice": "0.01", "maxPrice": "10000000", "tickSize": "0.01"}
    assert (row["fundingInterval"], row["status"]) == (240, "Trading")


async def test_a_cursor_leads_to_the_next_page_and_the_last_has_none(routes: list[Route]) -> None:
    first = await market(routes, "instruments-info", category="linear", limit=2)
    second = await market(routes, "instruments-info", category="linear", limit=2, cursor=first["nextPageCursor"])

    assert (first["nextPageCursor"], second["nextPageCursor"]) == ("ETHUSDT", "")
    assert len(second["list"]) == 1


@pytest.mark.parametrize("params", [{"category": "spot"}, {"category": "linear", "status": "PreLaunch"}])
async def test_markets_that_there_are_not_are_empty(routes: list[Route], params: dict[str, str]) -> None:
    assert (await market(routes, "instruments-info", **params))["list"] == []


async def test_a_ticker_knows_the_day_so_far(shown: ShownMarket, routes: list[Route]) -> None:
    (ticker,) = (await market(routes, "tickers", category="linear", symbol="BTCUSDT"))["list"]

    assert float(ticker["markPrice"]) == pytest.approx(float(ticker["lastPrice"]), rel=0.02)
    assert float(ticker["bid1Price"]) < float(ticker["lastPrice"]) < float(ticker["ask1Price"])
    assert float(ticker["lowPrice24h"]) <= float(ticker["lastPrice"]) <= float(ticker["highPrice24h"])
    assert ticker["nextFundingTime"] == str(MADE_FIRST + 16 * HOUR_MS)


async def test_funding_comes_newest_first_and_never_from_the_future(routes: list[Route]) -> None:
    answer = await market(
        routes,
        "funding/history",
        category="linear",
        symbol="SOLUSDT",
        startTime=MADE_FIRST,
        endTime=MADE_FIRST + 999 * HOUR_MS,
    )

    assert [row["fundingRateTimestamp"] for row in answer["list"]] == [
        str(MADE_FIRST + 8 * HOUR_MS),
        str(MADE_FIRST + 4 * HOUR_MS),
    ]


async def test_the_book_has_bids_below_and_asks_above(routes: list[Route]) -> None:
    book = await market(routes, "orderbook", category="linear", symbol="BTCUSDT", limit=3)
    bids, asks = ([float(price) for price, _ in book[side]] for side in "ba")

    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert bids[0] < asks[0]
    assert len(bids) == 3


async def test_every_symbol_has_its_risk_tiers(routes: list[Route]) -> None:
    listed = (await market(routes, "risk-limit", category="linear"))["list"]

    assert list(dict.fromkeys(row["symbol"] for row in listed)) == ["BTCUSDT", "ETHUSDT", "SOLUSDT"]
    assert sum(row["isLowestRisk"] for row in listed) == 3
