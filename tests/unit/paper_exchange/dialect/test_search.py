import pytest
from pydantic import JsonValue

from libs.common.errors import Refused
from libs.common.units import DAY_MS, Instant
from services.paper_exchange.core.books.fields import Fields
from services.paper_exchange.core.dialect.search import WINDOW_MS, Search, read_search

NOW = Instant(100 * DAY_MS)


def read(**fields: JsonValue) -> Search | None:
    return read_search(Fields({"category": "linear", **fields}), NOW, most=50, usual=20, kind="orderStatus")


def search(**fields: JsonValue) -> Search:
    found = read(**fields)
    assert found is not None
    return found


def test_a_base_coin_means_its_contract() -> None:
    assert search(baseCoin="ETH").symbol == "ETHUSDT"
    assert search(baseCoin="ETH", symbol="BTCUSDT").symbol == "BTCUSDT"


@pytest.mark.parametrize("fields", [{"category": "inverse"}, {"category": "spot"}, {"settleCoin": "USDC"}])
def test_a_market_that_is_not_here_lists_nothing(fields: dict[str, JsonValue]) -> None:
    assert read(**fields) is None


@pytest.mark.parametrize(
    ("fields", "start", "end"),
    [
        ({}, NOW - WINDOW_MS, NOW),
        ({"startTime": "5"}, 5, 5 + WINDOW_MS),
        ({"endTime": 50 * DAY_MS}, 50 * DAY_MS - WINDOW_MS, 50 * DAY_MS),
        ({"endTime": 1_000}, 0, 1_000),
        ({"startTime": 7, "endTime": 7}, 7, 7),
        ({"startTime": 7, "endTime": 7 + WINDOW_MS}, 7, 7 + WINDOW_MS),
    ],
)
def test_a_window_is_at_most_seven_days_and_by_default_the_last(
    fields: dict[str, JsonValue], start: int, end: int
) -> None:
    found = search(**fields)
    assert (found.start, found.end) == (start, end)


@pytest.mark.parametrize("end", [6, 8 + WINDOW_MS])
def test_a_window_that_is_longer_or_ends_before_it_begins_is_refused(end: int) -> None:
    with pytest.raises(Refused, match="cannot exceed 7 days") as refused:
        read(startTime=7, endTime=end)
    assert refused.value.code == 10001


@pytest.mark.parametrize(("limit", "rows"), [("", 20), (0, 20), (1, 1), ("50", 50), (51, 50), (10**9, 50)])
def test_a_page_has_a_usual_and_a_greatest_length(limit: JsonValue, rows: int) -> None:
    assert search(limit=limit).limit == rows


@pytest.mark.parametrize(
    ("fields", "by_id"), [({}, False), ({"orderId": "o"}, True), ({"orderLinkId": "l"}, True), ({"symbol": "B"}, False)]
)
def test_an_id_outranks_every_other_filter(fields: dict[str, JsonValue], by_id: bool) -> None:
    assert search(**fields).by_id is by_id


def test_the_cursor_is_the_number_of_the_last_row_before() -> None:
    assert (search().before, search(cursor="41").before) == (None, 41)
    with pytest.raises(Refused, match="cursor invalid"):
        search(cursor="page%3A2")


def test_each_listing_has_a_kind_of_its_own() -> None:
    assert search(orderStatus="Filled", execType="Trade").kind == "Filled"
    unfiltered = read_search(Fields({"category": "linear", "orderStatus": "Filled"}), NOW, most=1, usual=1)
    assert unfiltered is not None
    assert unfiltered.kind == ""
