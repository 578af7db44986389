import pytest
from pydantic import JsonValue

from services.paper_exchange.core.faults.subject import Stream, Subject, of_frame, of_request, rows_of

CREATE = "/v5/order/create"
Json = dict[str, JsonValue]


def test_a_request_is_about_its_path_its_symbol_and_both_ids() -> None:
    subject = of_request(CREATE, {"symbol": "BTCUSDT", "orderId": "o1", "orderLinkId": "mine", "qty": "1"})
    assert subject == Subject(CREATE, frozenset({"BTCUSDT"}), frozenset({"o1", "mine"}))


def test_a_batch_is_about_all_of_its_orders() -> None:
    batch: Json = {"category": "linear", "request": [{"symbol": "A", "orderLinkId": "1"}, {"symbol": "B"}, 7]}
    subject = of_request(CREATE, batch)
    assert subject == Subject(CREATE, frozenset({"A", "B"}), frozenset({"1"}))


@pytest.mark.parametrize(
    ("asked", "stop"),
    [
        ({"stopLoss": "9.5"}, True),
        ({"stopLoss": 9}, True),
        ({"trailingStop": "5"}, True),
        ({"stopLoss": "0"}, False),
        ({"stopLoss": ""}, False),
        ({"stopLoss": ["9"]}, False),
        ({"takeProfit": "9"}, False),
        ({"triggerPrice": "9", "reduceOnly": True}, True),
        ({"triggerPrice": "9", "closeOnTrigger": "true"}, True),
        ({"triggerPrice": "9"}, False),
        ({"reduceOnly": True}, False),
        ({"request": [{"qty": "1"}, {"stopLoss": "9"}]}, True),
    ],
)
def test_what_sets_a_stop_is_told_from_what_does_not(asked: Json, stop: bool) -> None:
    assert of_request(CREATE, asked).has_stop is stop


def test_what_is_of_no_sense_is_about_nothing() -> None:
    subject = of_request(CREATE, {"symbol": 5, "orderId": None, "request": "x"})
    assert (subject.symbols, subject.orders) == (frozenset(), frozenset())


def test_a_private_frame_is_about_the_symbols_and_orders_of_its_rows() -> None:
    frame: Json = {"topic": "order", "data": [{"symbol": "A", "orderId": "1"}, {"symbol": "B", "orderLinkId": "2"}]}
    subject = of_frame(Stream.PRIVATE, frame)
    both, ids = frozenset({"A", "B"}), frozenset({"1", "2"})
    assert subject == Subject(symbols=both, orders=ids, topic="order", stream=Stream.PRIVATE)


def test_a_public_frame_names_its_symbol_in_its_topic() -> None:
    subject = of_frame(Stream.PUBLIC, {"topic": "kline.1.BTCUSDT", "data": [{"open": "1"}]})
    assert subject is not None
    assert subject.symbols == {"BTCUSDT"}


def test_an_answer_to_the_client_is_no_push() -> None:
    assert of_frame(Stream.PUBLIC, {"op": "subscribe", "success": True}) is None


def test_rows_are_the_objects_that_there_are() -> None:
    assert list(rows_of([{"a": 1}, 2, {"b": 3}])) == [{"a": 1}, {"b": 3}]
    assert list(rows_of({"a": 1})) == [{"a": 1}]
    assert list(rows_of(None)) == []
