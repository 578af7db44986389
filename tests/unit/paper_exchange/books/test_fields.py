from decimal import Decimal as D

import pytest
from pydantic import JsonValue

from libs.common.errors import Refused
from services.paper_exchange.core.books.fields import Fields
from services.paper_exchange.core.books.order import Kind


def of(value: JsonValue, name: str = "qty") -> Fields:
    return Fields({name: value})


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("1.5", "1.5"), ("1.", "1"), ("0", "0"), ("007", "7"), (3, "3"), (0.1, "0.1"), (1e-7, "1E-7"), ("1e3", "1E+3"),
        ("0.000000000000000001", "1E-18"),
    ],
)  # fmt: skip
def test_numbers_come_as_text_or_as_numbers_and_stay_exact(value: JsonValue, number: str) -> None:
    assert of(value).number("qty") == D(number)


@pytest.mark.parametrize("value", [None, ""])
def test_nothing_is_not_a_number_and_not_an_error(value: JsonValue) -> None:
    fields = of(value)
    assert (fields.number("qty"), fields.has("qty"), fields.whole("qty", 7)) == (None, False, 7)


@pytest.mark.parametrize(
    "value",
    ["-1", "+1", "1,5", "NaN", "Infinity", "1e19", "1e-19", "1e999", " 1", "1_0", "٣", "0" * 41, True, [1], {"a": 1}],
)
def test_what_is_no_plain_number_is_refused_by_name(value: JsonValue) -> None:
    with pytest.raises(Refused, match="params error: qty invalid") as refused:
        of(value).number("qty")
    assert refused.value.code == 10001


@pytest.mark.parametrize(("value", "price"), [("0", None), ("0.00", None), ("", None), ("95.5", D("95.5"))])
def test_a_price_of_zero_means_that_there_is_none(value: str, price: D | None) -> None:
    assert of(value, "stopLoss").price("stopLoss") == price


def test_a_whole_number_has_no_fraction() -> None:
    assert of("5.0", "limit").whole("limit") == 5
    with pytest.raises(Refused, match="limit invalid"):
        of("5.5", "limit").whole("limit")


@pytest.mark.parametrize(
    ("value", "flag"), [(True, True), (False, False), ("true", True), ("False", False), ("", False), (None, False)]
)
def test_a_flag_may_be_spelled(value: JsonValue, flag: bool) -> None:
    assert of(value, "reduceOnly").flag("reduceOnly") is flag


@pytest.mark.parametrize("value", ["yes", 1, "0", []])
def test_what_is_neither_true_nor_false_is_refused(value: JsonValue) -> None:
    with pytest.raises(Refused, match="reduceOnly invalid"):
        of(value, "reduceOnly").flag("reduceOnly")


def test_a_choice_is_one_of_the_words_exactly() -> None:
    assert of("Limit", "orderType").choice("orderType", Kind) is Kind.LIMIT
    assert of("", "orderType").choice("orderType", Kind, Kind.MARKET) is Kind.MARKET
    for wrong in ("limit", ""):
        with pytest.raises(Refused, match="orderType invalid"):
            of(wrong, "orderType").choice("orderType", Kind)


@pytest.mark.parametrize("value", ["ika-BTCUSDT-hfh8g0-e", "A_9", "a" * 36, ""])
def test_a_link_id_that_fits_is_taken(value: str) -> None:
    assert of(value, "orderLinkId").link_id() == value


@pytest.mark.parametrize("value", ["a" * 37, "a b", "ä", "a/b", "a\n"])
def test_a_link_id_that_does_not_fit_is_refused(value: str) -> None:
    with pytest.raises(Refused, match="OrderLinkId invalid"):
        of(value, "orderLinkId").link_id()


@pytest.mark.parametrize(("value", "word"), [("BTCUSDT", "BTCUSDT"), ("x" * 99, "x" * 40), (5, ""), (None, "")])
def test_the_record_takes_any_word_and_never_refuses(value: JsonValue, word: str) -> None:
    assert of(value, "symbol").word("symbol") == word


def test_only_linear_contracts_are_traded_and_fields_that_nobody_knows_are_ignored() -> None:
    Fields({"category": "linear", "position_idx": [0]}).linear()
    with pytest.raises(Refused, match="category required"):
        Fields({}).linear()
    with pytest.raises(Refused, match="only supports linear"):
        Fields({"category": "spot"}).linear()
    with pytest.raises(Refused, match="symbol required"):
        Fields({}).symbol()


def test_what_is_noted_of_a_request_is_one_line_of_text_or_nothing() -> None:
    fields = Fields({"symbol": "BTCUSDT", "orderLinkId": "a\nb", "long": "x" * 99, "number": 5})
    assert [fields.word(name) for name in ("symbol", "orderLinkId", "number", "missing")] == ["BTCUSDT", "", "", ""]
    assert fields.word("long") == "x" * 40
