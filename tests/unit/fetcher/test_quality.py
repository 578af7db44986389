from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from libs.common.units import Instant, Price
from services.fetcher.core.quality import fault, off_tick
from tests.support.venue_candles import MORNING, venue_candle

D = Decimal


def test_an_ordinary_candle_has_no_fault() -> None:
    assert fault(venue_candle(0)) is None


def test_a_candle_that_stood_still_without_volume_has_no_fault() -> None:
    assert fault(venue_candle(0, open=D(5), high=D(5), low=D(5), close=D(5), volume=D(0), turnover=D(0))) is None


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"low": D(1003)}, "low is above"),
        ({"open": D(0)}, "not above zero"),
        ({"low": D(-1)}, "not above zero"),
        ({"close": D(2000)}, "outside its range"),
        ({"open": D(1)}, "outside its range"),
        ({"volume": D(-1)}, "volume is negative"),
        ({"open_at": Instant(MORNING + 1)}, "does not open where"),
    ],
)
def test_an_impossible_candle_is_found_out(changes: dict[str, Any], text: str) -> None:
    assert text in (fault(venue_candle(0, **changes)) or "")


@pytest.mark.parametrize("name", ["open", "high", "low", "close"])
def test_a_price_that_is_no_multiple_of_the_tick_is_off_it(name: str) -> None:
    odd: dict[str, Any] = {name: D("1000.25")}
    candle = replace(venue_candle(0), **odd)
    assert off_tick(candle, Price(D("0.05"))) is None
    assert off_tick(candle, Price(D("0.1"))) == f"its {name} of 1000.25 is not on the tick of 0.1"
