import numpy as np
import pytest

from services.paper_exchange.core.climate import BARS, next_common, next_group
from services.paper_exchange.core.troupe import GROUP_SIZE, cast_of, roles
from services.paper_exchange.core.weaving import Woven, shared_bars, weave

CAST = cast_of(7, 0, roles(GROUP_SIZE))
COMMON = next_common(7, 0, None)
DAY = next_group(7, 0, CAST, COMMON, None)


@pytest.fixture(scope="module")
def woven() -> Woven:
    return weave(7, 0, CAST, shared_bars(7, 0, COMMON), DAY, CAST.anchor)


def test_the_candles_of_a_day_lead_from_its_open_to_its_close(woven: Woven) -> None:
    assert woven.open.shape == (GROUP_SIZE, BARS)
    assert np.allclose(np.log(woven.open[:, 0]), CAST.anchor)
    assert np.array_equal(woven.close[:, -1], np.exp(DAY.close))


def test_the_last_step_of_a_day_is_no_larger_than_the_others(woven: Woven) -> None:
    steps = np.abs(np.diff(np.log(woven.close), axis=1))

    assert np.median(steps[:, -1]) < 5 * np.median(steps)


def test_a_candle_opens_where_the_one_before_closed_and_holds_its_body(woven: Woven) -> None:
    assert np.array_equal(woven.open[:, 1:], woven.close[:, :-1])
    assert np.all(woven.high >= np.maximum(woven.open, woven.close))
    assert np.all(woven.low <= np.minimum(woven.open, woven.close))


def test_larger_moves_trade_more(woven: Woven) -> None:
    moved = np.abs(np.log(woven.close / woven.open))

    assert np.corrcoef(moved.ravel() / moved.mean(axis=1).repeat(BARS), woven.turnover.ravel())[0, 1] > 0.1


def test_what_sectors_and_market_do_adds_up_to_the_day() -> None:
    shared = shared_bars(7, 0, COMMON)

    assert np.isclose(shared.market.sum(), COMMON.market + COMMON.jump)
    assert np.allclose(shared.sectors.sum(axis=1), COMMON.sectors)
