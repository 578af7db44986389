from datetime import UTC, datetime
from typing import Any

import pytest

from libs.common.clock import SystemClock, VirtualClock
from libs.common.units import DAY_MS, HOUR_MS, Instant, Symbol
from services.paper_exchange.adapters.http.door import Door
from services.paper_exchange.adapters.markets.replay import replay_market
from services.paper_exchange.adapters.markets.synthetic import USUAL_START, synthetic_market
from services.paper_exchange.core.dialect.shown import kline_row
from tests.support.panels import MADE_FIRST, STEP_MS, MadePanel
from tests.support.shown_market import ShownMarket, ask, get, shown_venue

pytestmark = pytest.mark.anyio

WALL = Instant(1_800_000_000_123)
NOW = Instant(MADE_FIRST + 40 * STEP_MS + 1_000)  # ten hours in, one second into a candle


@pytest.fixture
def shown(made_panel: MadePanel) -> ShownMarket:
    return ShownMarket(replay_market(made_panel.directory, symbols="top:50", start=None, end=None), NOW)


@pytest.fixture
def venue(shown: ShownMarket) -> Door:
    return shown_venue(shown, VirtualClock(WALL))


async def market(venue: Door, path: str, **params: str | int) -> Any:
    """What `/v5/market/<path>` answers, out of its envelope."""
    return (await get(venue, f"/v5/market/{path}", **params))["result"]


async def kline(venue: Door, **params: str | int) -> Any:
    usual: dict[str, str | int] = {"category": "linear", "symbol": "BTCUSDT", "interval": "15"}
    return (await market(venue, "kline", **{**usual, **params}))["list"]


async def test_time_is_the_walls(venue: Door) -> None:
    envelope = await get(venue, "/v5/market/time")

    assert envelope["result"] == {"timeSecond": "1800000000", "timeNano": "1800000000123000000"}
    assert (envelope["retCode"], envelope["retMsg"], envelope["time"]) == (0, "OK", WALL)


async def test_candles_come_newest_first_with_the_forming_one_on_top(venue: Door) -> None:
    listed = await kline(venue, limit=3)

    assert [int(row[0]) for row in listed] == [MADE_FIRST + k * STEP_MS for k in (40, 39, 38)]
    assert all(len(row) == 7 for row in listed)


async def test_a_start_is_where_the_window_begins(venue: Door) -> None:
    listed = await kline(venue, start=MADE_FIRST + 5 * STEP_MS, limit=2)

    assert [int(row[0]) for row in listed] == [MADE_FIRST + k * STEP_MS for k in (6, 5)]


async def test_start_and_end_are_both_inside_the_window(venue: Door) -> None:
    listed = await kline(venue, start=MADE_FIRST + STEP_MS, end=MADE_FIRST + 3 * STEP_MS)

    assert [int(row[0]) for row in listed] == [MADE_FIRST + k * STEP_MS for k in (3, 2, 1)]


async def test_asking_again_later_gives_the_same_rows_and_the_new_ones(shown: ShownMarket, venue: Door) -> None:
    before = await kline(venue, limit=20)
    shown.now = Instant(NOW + 2 * STEP_MS)

    after = await kline(venue, limit=20)

    assert after[3:] == before[1:-2]
    assert after == await kline(shown_venue(shown, VirtualClock(WALL)), limit=20)


async def test_candles_at_the_very_opening_time_are_all_closed(shown: ShownMarket, venue: Door) -> None:
    shown.now = Instant(MADE_FIRST + 40 * STEP_MS)

    assert int((await kline(venue, limit=1))[0][0]) == MADE_FIRST + 39 * STEP_MS


@pytest.mark.parametrize("kind", ["mark-price", "index-price", "premium-index-price"])
async def test_candles_that_nobody_traded_have_five_columns(venue: Door, kind: str) -> None:
    full = await kline(venue, limit=4)

    envelope = await get(venue, f"/v5/market/{kind}-kline", symbol="BTCUSDT", interval="15", limit=4)

    rows = envelope["result"]["list"]
    assert [row[0] for row in rows] == [row[0] for row in full]
    assert {len(row) for row in rows} == {5}


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
        ("tickers", {"category": "nonsense"}, "Category"),
        ("tickers", {"category": "linear", "symbol": "NOUSDT"}, "Not supported symbols"),
        ("funding/history", {"category": "linear", "symbol": "SOLUSDT", "startTime": 1}, "endTime"),
    ],
)
async def test_a_request_that_cannot_be_is_10001_with_a_text(
    venue: Door, path: str, params: dict[str, str | int], text: str
) -> None:
    envelope = await get(venue, f"/v5/market/{path}", **params)

    assert (envelope["http"], envelope["retCode"], envelope["result"]) == (200, 10001, {})
    assert text in str(envelope["retMsg"])


async def test_only_what_is_listed_by_now_is_told(shown: ShownMarket, venue: Door) -> None:
    async def listed() -> list[object]:
        envelope = await get(venue, "/v5/market/instruments-info", category="linear")
        return [row["symbol"] for row in envelope["result"]["list"]]

    assert await listed() == ["BTCUSDT", "ETHUSDT", "SOLUSDT"]
    shown.now = Instant(MADE_FIRST + 96 * STEP_MS)
    assert await listed() == ["BTCUSDT", "ETHUSDT", "NEWUSDT", "SOLUSDT"]


async def test_an_instrument_tells_its_filters_as_strings(venue: Door) -> None:
    envelope = await get(venue, "/v5/market/instruments-info", category="linear", symbol="SOLUSDT")

    (row,) = envelope["result"]["list"]
    assert row["priceFilter"] == {"minPrice": "0.01", "maxPrice": "10000000", "tickSize": "0.01"}
    assert (row["fundingInterval"], row["status"]) == (240, "Trading")


async def test_a_cursor_leads_to_the_next_page_and_the_last_has_none(venue: Door) -> None:
    first = await market(venue, "instruments-info", category="linear", limit=2)
    second = await market(venue, "instruments-info", category="linear", limit=2, cursor=first["nextPageCursor"])

    assert (first["nextPageCursor"], second["nextPageCursor"]) == ("ETHUSDT", "")
    assert len(second["list"]) == 1


@pytest.mark.parametrize("params", [{"category": "spot"}, {"category": "linear", "status": "PreLaunch"}])
async def test_markets_that_there_are_not_are_empty(venue: Door, params: dict[str, str]) -> None:
    assert (await market(venue, "instruments-info", **params))["list"] == []


async def test_a_ticker_knows_the_day_so_far(shown: ShownMarket, venue: Door) -> None:
    (ticker,) = (await market(venue, "tickers", category="linear", symbol="BTCUSDT"))["list"]

    assert float(ticker["markPrice"]) == pytest.approx(float(ticker["lastPrice"]), rel=0.02)
    assert float(ticker["bid1Price"]) < float(ticker["lastPrice"]) < float(ticker["ask1Price"])
    assert float(ticker["lowPrice24h"]) <= float(ticker["lastPrice"]) <= float(ticker["highPrice24h"])
    assert ticker["nextFundingTime"] == str(MADE_FIRST + 16 * HOUR_MS)


async def test_funding_comes_newest_first_and_never_from_the_future(venue: Door) -> None:
    answer = await market(
        venue,
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


async def test_the_book_has_bids_below_and_asks_above(venue: Door) -> None:
    book = await market(venue, "orderbook", category="linear", symbol="BTCUSDT", limit=3)
    bids, asks = ([float(price) for price, _ in book[side]] for side in "ba")

    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert bids[0] < asks[0]
    assert len(bids) == 3


async def test_risk_tiers_come_fifteen_symbols_a_page(venue: Door) -> None:
    page = await market(venue, "risk-limit", category="linear")

    assert sorted({row["symbol"] for row in page["list"]}) == ["BTCUSDT", "ETHUSDT", "SOLUSDT"]
    assert page["nextPageCursor"] == ""


async def test_the_newest_trades_come_first(venue: Door) -> None:
    rows = (await market(venue, "recent-trade", category="linear", symbol="BTCUSDT", limit=5))["list"]

    times = [int(row["time"]) for row in rows]
    assert len(rows) == 5
    assert times == sorted(times, reverse=True)
    assert times[0] <= NOW
    assert len({row["execId"] for row in rows}) == 5


async def test_price_limits_embrace_the_book(venue: Door) -> None:
    limits = await market(venue, "price-limit", category="linear", symbol="BTCUSDT")
    book = await market(venue, "orderbook", category="linear", symbol="BTCUSDT", limit=1)

    assert float(limits["sellLmt"]) < float(book["b"][0][0]) < float(book["a"][0][0]) < float(limits["buyLmt"])


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v5/market/nothing"), ("POST", "/v5/market/time"), ("GET", "/v5")]
)
async def test_what_is_no_endpoint_is_10017_in_the_envelope(venue: Door, method: str, path: str) -> None:
    envelope = await ask(venue, method, path)

    assert (envelope["http"], envelope["retCode"], envelope["result"]) == (200, 10017, {})


async def test_months_begin_on_their_first_day(venue: Door) -> None:
    (row,) = await kline(venue, interval="M", limit=1)

    assert datetime.fromtimestamp(int(row[0]) / 1_000, tz=UTC).day == 1


async def test_of_a_parameter_that_is_given_twice_the_first_counts(venue: Door) -> None:
    envelope = await ask(venue, "GET", "/v5/market/tickers?category=linear&symbol=ETHUSDT&symbol=BTCUSDT")

    assert [row["symbol"] for row in envelope["result"]["list"]] == ["ETHUSDT"]


@pytest.mark.parametrize("kind", ["kline", "mark-price-kline"])
@pytest.mark.parametrize(
    "window",
    [
        {},
        {"limit": 700},
        {"start": USUAL_START - 40 * DAY_MS - 1},
        {"start": USUAL_START - 40 * DAY_MS, "end": USUAL_START - 3 * DAY_MS},
        {"end": USUAL_START - 3 * DAY_MS, "limit": 900},
        {"start": 0, "limit": 45},
        {"end": 0},
    ],
)
async def test_a_long_stretch_is_made_in_pieces_and_is_the_same(kind: str, window: dict[str, int]) -> None:
    made = synthetic_market(seed=7, symbols=1, start=None, end=None)
    there = shown_venue(ShownMarket(made, Instant(USUAL_START + 5 * HOUR_MS)), SystemClock())
    asked = {"start": None, "end": None, "limit": 200} | window
    bars = made.bars if kind == "kline" else made.marks
    for name, interval in (("D", DAY_MS), ("240", 4 * HOUR_MS)):
        said: dict[str, str | int] = {"category": "linear", "symbol": "BTCUSDT", "interval": name, **window}
        rows = (await market(there, kind, **said))["list"]
        wanted = bars(Symbol("BTCUSDT"), interval, now=Instant(USUAL_START + 5 * HOUR_MS), **asked)  # type: ignore[arg-type]
        assert rows == [kline_row(bar)[: len(rows[0])] for bar in reversed(wanted)]
