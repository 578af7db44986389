"""The yardstick itself: it finds what is missing, what is too much and what is of the wrong kind."""

from typing import Any

import pytest

from tests.support.bybit_kinds import Kind, Shape, amount, differences, each, exactly, ms, number, one_of, text, whole

ROW: Shape = {"id": text, **each("price qty", number), "side": one_of("- Buy"), "levels": [[number, number]]}
RIGHT: dict[str, Any] = {"id": "", "price": "1.50", "qty": "-3", "side": "", "levels": [["1", "2"], ["0.1", "0"]]}


def test_what_is_as_documented_has_no_differences() -> None:
    assert differences(RIGHT, ROW) == []


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"price": 1.5}, ".price"),
        ({"price": ""}, ".price"),
        ({"price": "1e5"}, ".price"),
        ({"qty": "-0"}, ".qty"),
        ({"qty": "+1"}, ".qty"),
        ({"qty": "NaN"}, ".qty"),
        ({"side": "buy"}, ".side"),
        ({"levels": [["1"]]}, ".levels[0]"),
        ({"levels": [["1", "2"], ["1", 2]]}, ".levels[1][1]"),
        ({"levels": None}, ".levels"),
        ({"more": 1}, ".more"),
    ],
)
def test_what_differs_is_named(changes: dict[str, Any], where: str) -> None:
    [found] = differences({**RIGHT, **changes}, ROW)
    assert found.startswith(f"{where}:")


def test_what_is_missing_is_named() -> None:
    assert differences({name: value for name, value in RIGHT.items() if name != "qty"}, ROW) == [".qty: missing"]


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        (amount, "", None),
        (ms, "1758153600000", "1758153600"),
        (whole, 0, False),
        (exactly(0), 0, False),
        (exactly(""), "", None),
    ],
)
def test_kinds_are_strict(kind: Kind, right: Any, wrong: Any) -> None:
    assert differences(right, kind) == []
    assert differences(wrong, kind) != []
