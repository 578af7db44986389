from decimal import Decimal
from math import log
from typing import Any

import pytest

from libs.common.exchange.market_types import Candle
from libs.common.units import Symbol
from services.fetcher.core.outliers import MOMENTS, WINDOW, Crowd, Neighbours, Way
from tests.support.venue_candles import venue_candle

D = Decimal
ALONE: tuple[Way, ...] = ()
CALM = Way(0.001, 0.001)


def quiet(n: int, **changes: Any) -> Candle:
    """A candle that goes 1 % up and down again, of a volume of 10."""
    return venue_candle(n, **{"open": D(100), "high": D(101), "low": D(100), "close": D(100)} | changes)


def neighbours(count: int = WINDOW, **changes: Any) -> Neighbours:
    known = Neighbours()
    for n in range(count):
        note(known, quiet(n, **changes))
    return known


def note(known: Neighbours, candle: Candle) -> None:
    known.note(candle, known.way(candle))


def doubt(candle: Candle, others: tuple[Way, ...] = ALONE, known: Neighbours | None = None) -> str | None:
    known = known or neighbours()
    crowd = Crowd()
    for n, way in enumerate(others):
        crowd.note(candle._replace(symbol=Symbol(f"OTHER{n}USDT")), way)
    return known.doubt(candle, known.way(candle), crowd)


def test_a_candle_like_those_before_it_is_believed() -> None:
    assert doubt(quiet(WINDOW)) is None


@pytest.mark.parametrize(
    ("changes", "side"),
    [
        ({"high": D(120)}, "up"),
        ({"low": D(80)}, "down"),
        ({"open": D(1000), "high": D(1010), "low": D(1000), "close": D(1000)}, "up"),
        ({"open": D(10), "high": D(10), "low": D(10), "close": D(10)}, "down"),
    ],
)
def test_a_price_far_off_that_nobody_traded_more_for_is_in_doubt(changes: dict[str, Any], side: str) -> None:
    assert f"usual ranges {side} at 1.0 times the usual volume" in (doubt(quiet(WINDOW, **changes)) or "")


def test_volume_bears_a_far_price_out_and_the_farther_it_is_the_more_of_it_is_wanted() -> None:
    assert doubt(quiet(WINDOW, high=D(120), volume=D(13))) is None
    assert doubt(quiet(WINDOW, high=D(200), volume=D(13))) is not None
    assert doubt(quiet(WINDOW, high=D(200), volume=D(24))) is None


def test_a_market_that_crashes_as_a_whole_is_believed() -> None:
    """2025-10-10: most symbols lost between a third and four fifths in a quarter of an hour."""
    crashed = quiet(WINDOW, low=D(40), close=D(60))
    fell = Way(0, log(100 / 70))
    assert doubt(crashed, (fell, fell, CALM, CALM, CALM)) is None
    assert doubt(crashed, (fell, CALM, CALM, CALM)) is not None


def test_others_that_went_the_other_way_bear_nothing_out() -> None:
    assert doubt(quiet(WINDOW, low=D(40)), (Way(0.9, 0), Way(0.9, 0))) is not None


def test_two_per_cent_are_nothing_even_where_nothing_moved_before() -> None:
    still = neighbours(open=D(100), high=D(100), low=D(100), close=D(100))
    assert doubt(quiet(WINDOW, high=D(102)), known=still) is None
    assert doubt(quiet(WINDOW, high=D(103)), known=still) is not None


def test_a_market_that_was_halted_and_trades_again_is_believed() -> None:
    """2025-08-29: candles without volume are real, and so is what comes after them."""
    halted = neighbours(open=D(100), high=D(100), low=D(100), close=D(100), volume=D(0))
    assert doubt(quiet(WINDOW, high=D(100), volume=D(0)), known=halted) is None
    assert doubt(quiet(WINDOW, high=D(130)), known=halted) is None
    assert doubt(quiet(WINDOW, high=D(130), volume=D(0)), known=halted) is not None


def test_with_too_few_candles_before_it_nothing_is_far_off() -> None:
    assert doubt(quiet(WINDOW - 1, high=D(1_000)), known=neighbours(WINDOW - 1)) is None


def test_behind_a_hole_a_candle_is_measured_from_its_own_open() -> None:
    known = neighbours()
    assert known.way(quiet(WINDOW + 1, open=D(200), high=D(200), low=D(200), close=D(200))) == (0, 0)
    assert known.way(quiet(WINDOW, open=D(200), high=D(200), low=D(200))).up == pytest.approx(log(2))


def test_what_was_believed_is_what_the_next_is_measured_by() -> None:
    known = neighbours()
    for n in range(WINDOW, WINDOW + 2):
        note(known, quiet(n, open=D(300), high=D(303), low=D(300), close=D(300)))
    assert doubt(quiet(WINDOW + 2, open=D(300), high=D(303), low=D(300), close=D(300)), known=known) is None


def test_the_others_are_those_of_the_same_moment() -> None:
    crowd, eth = Crowd(), Symbol("ETHUSDT")
    crowd.note(quiet(0), CALM)
    crowd.note(quiet(0, symbol=eth), Way(0.5, 0))
    crowd.note(quiet(1, symbol=eth), Way(0.7, 0))
    assert list(crowd.others(quiet(0))) == [Way(0.5, 0)]
    assert list(crowd.others(quiet(0, symbol=eth))) == [CALM]


def test_only_the_newest_moments_are_kept() -> None:
    crowd, eth = Crowd(), Symbol("ETHUSDT")
    for n in range(MOMENTS + 1):
        crowd.note(quiet(n, symbol=eth), CALM)
    assert list(crowd.others(quiet(0))) == []
    assert list(crowd.others(quiet(1))) == list(crowd.others(quiet(MOMENTS))) == [CALM]
