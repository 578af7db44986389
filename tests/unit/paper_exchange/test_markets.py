import pytest

from libs.common.errors import Misconfigured
from libs.common.settings.sections import MarketSection, PaperSection
from libs.common.units import MINUTE_MS, Instant
from services.paper_exchange.adapters.markets import open_market
from services.paper_exchange.adapters.synthetic import USUAL_START
from services.paper_exchange.core.board import Board
from tests.support.panels import MADE_FIRST, STEP_MS, MadePanel

WALL = Instant(1_800_000_012_345)


def opened(**paper: object) -> Board:
    return open_market(PaperSection.model_validate(paper), MarketSection(), wall=WALL)


def test_without_a_word_the_market_is_synthetic_and_starts_on_its_usual_day() -> None:
    market = opened()

    assert (market.start, market.end, len(market.instruments)) == (USUAL_START, None, 50)


def test_in_real_time_a_synthetic_market_starts_at_the_walls_minute() -> None:
    assert opened(speed=1).start == WALL // MINUTE_MS * MINUTE_MS


def test_a_replay_starts_and_ends_where_it_is_told(made_panel: MadePanel) -> None:
    market = opened(market=f"replay:{made_panel.directory}", **{"from": "2025-09-16", "to": "2025-09-17T12:00:00Z"})

    assert (market.start - MADE_FIRST, (market.end or 0) - MADE_FIRST) == (96 * STEP_MS, 240 * STEP_MS)


def test_a_date_that_is_none_names_its_key() -> None:
    with pytest.raises(Misconfigured, match=r"paper\.from = 'soon': must be an ISO date"):
        opened(**{"from": "soon"})


def test_a_live_market_is_refused_as_long_as_there_is_none() -> None:
    with pytest.raises(Misconfigured, match="allowed are synthetic and replay"):
        opened(market="live")
