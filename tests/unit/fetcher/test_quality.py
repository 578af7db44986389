from decimal import Decimal
from typing import Any

import pytest

from libs.common.units import Instant, Price
from services.fetcher.core.quality import fault, misplaced, off_tick
from tests.support.venue_candles import MORNING, closes_at, venue_candle

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
        ({"high": D("1e15")}, "beyond all bounds"),
        ({"low": D("1e-16")}, "beyond all bounds"),
        ({"close": D("NaN")}, "beyond all bounds"),
        ({"volume": D("Infinity")}, "beyond all bounds"),
        ({"turnover": D("NaN")}, "beyond all bounds"),
    ],
)
def test_an_impossible_candle_is_found_out(changes: dict[str, Any], text: str) -> None:
    assert text in (fault(venue_candle(0, **changes)) or "")


@pytest.mark.parametrize("name", ["open", "high", "low", "close"])
def test_a_price_that_is_no_multiple_of_the_tick_is_off_it(name: str) -> None:
    odd: dict[str, Any] = {name: D("1000.25")}
    candle = venue_candle(0)._replace(**odd)
    assert off_tick(candle, Price(D("0.05"))) is None
    assert off_tick(candle, Price(D("0.1"))) == f"its {name} of 1000.25 is not on the tick of 0.1"


def test_a_candle_has_a_place_when_it_opens_with_its_timeframe_and_may_have_closed() -> None:
    assert misplaced(venue_candle(0), Instant(closes_at(0) - 5_000)) is None
    assert misplaced(venue_candle(1), closes_at(0)) == "it is told long before it can have closed"
    odd = venue_candle(0, open_at=Instant(MORNING + 1))
    assert misplaced(odd, closes_at(0)) == "it does not open where its timeframe begins"
