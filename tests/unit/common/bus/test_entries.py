import pytest

from libs.common.bus import Delivery
from libs.common.bus.entries import Entry, as_entries, before, earliest, in_time, is_after, newest_per_symbol
from libs.common.contracts.registry import encode
from libs.common.errors import Poison
from libs.common.units import Symbol
from tests.support.builders import price, signal


def test_ids_are_compared_as_numbers() -> None:
    assert is_after("10-0", "9-99")
    assert is_after("9-10", "9-9")
    assert not is_after("9-9", "9-9")
    assert earliest(["10-0", "9-1", "9-0"]) == "9-0"


@pytest.mark.parametrize(("entry", "earlier"), [("9-3", "9-2"), ("9-0", f"8-{2**64 - 1}"), ("0-0", "0-0")])
def test_before_an_id_is_the_greatest_id_below_it(entry: str, earlier: str) -> None:
    assert before(entry) == earlier


def test_entries_of_several_streams_are_put_in_the_order_of_writing() -> None:
    written = [Entry("price", "9-0", {}), Entry("candle", "9-1", {}), Entry("candle", "8-0", {})]
    assert [(e.stream, e.id) for e in in_time(written, ["candle", "price"])] == [
        ("candle", "8-0"),
        ("candle", "9-1"),  # in the same millisecond as the price: the stream that is listed first
        ("price", "9-0"),
    ]


def test_an_answer_of_redis_becomes_entries() -> None:
    answer = [[b"ik:signal", [(b"5-0", {b"t": b"x"}), (b"6-0", None)]]]
    assert as_entries("ik:", answer) == [Entry("signal", "5-0", {b"t": b"x"}), Entry("signal", "6-0", {})]


def test_an_entry_is_read_by_its_two_fields() -> None:
    schema, body = encode(signal())
    assert Entry("signal", "5-0", {b"t": schema, b"m": body}).message() == signal()


@pytest.mark.parametrize(("fields", "named"), [({b"m": b"{}"}, "field t"), ({b"t": b"x"}, "field m"), ({}, "t and m")])
def test_an_entry_without_a_field_is_poison_by_name(fields: dict[bytes, bytes], named: str) -> None:
    with pytest.raises(Poison, match=named):
        Entry("signal", "5-0", fields).message()


def test_of_prices_only_each_symbols_newest_counts() -> None:
    eth = Symbol("ETHUSDT")
    moves = [price(last="1"), price(eth, last="2"), price(last="3")]
    deliveries = [Delivery("price", f"{n}-0", message) for n, message in enumerate(moves)]
    assert newest_per_symbol(deliveries) == deliveries[1:]
