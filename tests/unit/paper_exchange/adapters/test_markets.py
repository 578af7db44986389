from dataclasses import replace

import pytest

from libs.common.errors import Misconfigured
from libs.common.settings.sections import MarketSection, PaperSection
from libs.common.units import DAY_MS, HOUR_MS, MINUTE_MS, Instant, Symbol
from services.paper_exchange.adapters.markets.markets import open_market
from services.paper_exchange.adapters.markets.synthetic import USUAL_START
from services.paper_exchange.core.market.board import Board
from services.paper_exchange.core.market.terms import Terms
from services.paper_exchange.core.market.trail import Beat
from tests.support.panels import MADE_FIRST, STEP_MS, MadePanel

BTC = Symbol("BTCUSDT")
WALL = Instant(1_800_000_012_345)


def opened(**paper: object) -> tuple[Board, Terms]:
    return open_market(PaperSection.model_validate(paper), MarketSection(), wall=WALL, known=None)


def test_without_a_word_the_market_is_synthetic_and_starts_on_its_usual_day() -> None:
    market, terms = opened()

    assert (market.start, market.end, len(market.instruments)) == (USUAL_START, None, 50)
    assert terms == Terms(Beat.CANDLE, 0, follows_wall=False)


def test_in_real_time_a_market_starts_now_and_ticks_every_second() -> None:
    market, terms = opened(speed=1)

    assert (market.start, terms) == (WALL, Terms(Beat.SECOND, 0, follows_wall=True))
    seconds = [tick.at for tick in market.path(WALL, Instant(WALL + MINUTE_MS)) if tick.symbol == "BTCUSDT"]
    assert len(seconds) >= 60


def test_in_real_time_a_replay_is_dated_now_and_plays_the_day_that_was_asked_for(made_panel: MadePanel) -> None:
    market, terms = opened(market=f"replay:{made_panel.directory}", speed=1, **{"from": "2025-09-17"})

    assert terms.later_ms % DAY_MS == 0
    assert MADE_FIRST + 2 * DAY_MS <= WALL - terms.later_ms < MADE_FIRST + 3 * DAY_MS
    assert (market.start, market.end) == (WALL, made_panel.last + terms.later_ms)
    minutes = market.bars(BTC, MINUTE_MS, start=Instant(WALL - 2 * DAY_MS), end=None, limit=5_000, now=WALL)
    assert len(minutes) == 2 * 1_440
    recorded, _ = opened(market=f"replay:{made_panel.directory}", speed=60)
    day = recorded.bars(BTC, DAY_MS, start=None, end=None, limit=9, now=made_panel.last)
    again = market.bars(BTC, DAY_MS, start=None, end=None, limit=9, now=Instant(made_panel.last + terms.later_ms))
    assert again == tuple(replace(bar, open_at=Instant(bar.open_at + terms.later_ms)) for bar in day)


def test_a_synthetic_market_that_begins_on_a_day_is_dated_now_as_well() -> None:
    market, terms = opened(speed=1, symbols=2, **{"from": "2025-06-02"})

    assert market.start == WALL
    assert USUAL_START <= WALL - terms.later_ms < USUAL_START + DAY_MS


def test_a_restart_finds_the_same_market_whatever_the_time_and_the_speed(made_panel: MadePanel) -> None:
    where = f"replay:{made_panel.directory}"
    market, terms = opened(market=where, speed=1, **{"from": "2025-09-17"})
    paper = PaperSection.model_validate({"market": where, "speed": 60, "from": "2025-09-17"})
    later, same = open_market(paper, MarketSection(), wall=Instant(WALL + 5 * HOUR_MS), known=terms)

    assert same == terms
    assert later.path(WALL, Instant(WALL + MINUTE_MS)) == market.path(WALL, Instant(WALL + MINUTE_MS))


def test_a_replay_starts_and_ends_where_it_is_told(made_panel: MadePanel) -> None:
    market, _ = opened(market=f"replay:{made_panel.directory}", **{"from": "2025-09-16", "to": "2025-09-17T12:00:00Z"})

    assert (market.start - MADE_FIRST, (market.end or 0) - MADE_FIRST) == (96 * STEP_MS, 240 * STEP_MS)


def test_a_date_that_is_none_names_its_key() -> None:
    with pytest.raises(Misconfigured, match=r"paper\.from = 'soon': must be an ISO date"):
        opened(**{"from": "soon"})
