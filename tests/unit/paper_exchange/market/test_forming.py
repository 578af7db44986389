import pytest

from libs.common.units import DAY_MS, MINUTE_MS, Instant
from services.paper_exchange.core.market.columns import Ohlcv
from services.paper_exchange.core.market.forming import Forming, Traded
from services.paper_exchange.core.market.path import Path
from services.paper_exchange.core.market.tape import Recorded
from services.paper_exchange.core.market.ticks import PREMIUM_UNITS, Reading
from services.paper_exchange.core.market.trail import Beat
from tests.support.columns import columns

FIRST = Instant(20_000 * DAY_MS)
M15 = 15 * MINUTE_MS
PATH = Path([Recorded(FIRST, M15, columns(*[Ohlcv(1_000, 1_040, 950, 1_010, 900)] * 8))], Beat.CANDLE, "AUSDT")


def test_nothing_is_known_before_the_first_tick() -> None:
    forming = Forming(PATH)

    assert forming.newest(FIRST) is None
    assert forming.since(Reading.LAST, M15, FIRST, FIRST) is None
    assert forming.newest(FIRST + 1) == (1_000, 1_000)


def test_the_newest_price_stays_between_ticks_and_after_the_end() -> None:
    ticks = PATH.ticks(FIRST, PATH.end)

    for place in (3, 20, len(ticks) - 1):
        at, price, mark = (int(column[place]) for column in (ticks.at, ticks.price, ticks.mark))
        assert Forming(PATH).newest(at) == (price, mark)
    assert Forming(PATH).newest(PATH.end + DAY_MS) == (1_010, int(ticks.mark[-1]))


@pytest.mark.parametrize("into_ms", [1, 50_000, 7 * MINUTE_MS, 7 * MINUTE_MS + 40_000, M15 - 1])
def test_what_happened_since_a_bar_opened_is_the_ticks_since(into_ms: int) -> None:
    begin = FIRST + 3 * M15
    ticks = PATH.ticks(begin, begin + into_ms)
    prices, volumes, marks = ticks.price.tolist(), ticks.volume.tolist(), ticks.mark.tolist()
    premiums = [(p - m) * PREMIUM_UNITS // m for p, m in zip(prices, marks, strict=True)]

    since = {each: Forming(PATH).since(each, M15, begin, begin + into_ms) for each in Reading}

    paid = sum(4 * p * v for p, v in zip(prices, volumes, strict=True))
    assert since == {
        Reading.LAST: Traded(prices[0], max(prices), min(prices), prices[-1], sum(volumes), paid),
        Reading.MARK: Traded(marks[0], max(marks), min(marks), marks[-1], 0, 0),
        Reading.PREMIUM: Traded(premiums[0], max(premiums), min(premiums), premiums[-1], 0, 0),
    }


def test_a_total_of_whole_candles_is_what_was_recorded() -> None:
    total = Forming(PATH).total(Reading.LAST, M15, FIRST, FIRST + 2 * M15)

    assert total == Traded(1_000, 1_040, 950, 1_010, 1_800, 2 * 900 * (1_000 + 1_040 + 950 + 1_010))
