"""What holds for every invented market: its numbered promises, for any seed, day and number of symbols."""

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.common.units import DAY_MS, HOUR_MS, MINUTE_MS, Instant
from services.paper_exchange.adapters.markets.synthetic import GENESIS, USUAL_START, synthetic_market
from services.paper_exchange.core.invented.climate import BARS, next_common, next_group
from services.paper_exchange.core.invented.troupe import GROUP_SIZE, cast_of, roles
from services.paper_exchange.core.invented.weaving import shared_bars, weave
from services.paper_exchange.core.market.board import Board

seeds = st.integers(0, 2**32 - 1)
moments = st.integers(0, 30 * DAY_MS).map(lambda since: Instant(USUAL_START + since))


def market(seed: int, symbols: int = 2) -> Board:
    return synthetic_market(seed=seed, symbols=symbols, start=None, end=None)


@given(seeds, st.integers(0, 400))
@settings(max_examples=25, deadline=None)
def test_the_candles_of_any_day_are_whole_and_lead_to_its_close(seed: int, number: int) -> None:
    cast = cast_of(seed, 0, roles(GROUP_SIZE))
    common = next_common(seed, number, None)
    day = next_group(seed, number, cast, common, None)

    woven = weave(seed, number, cast, shared_bars(seed, number, common), day, cast.anchor)

    assert np.array_equal(woven.close[:, -1], np.exp(day.close))
    assert np.array_equal(woven.open[:, 1:], woven.close[:, :-1])
    assert np.all(woven.low > 0)
    assert np.all(woven.low <= np.minimum(woven.open, woven.close))
    assert np.all(woven.high >= np.maximum(woven.open, woven.close))
    assert np.all(woven.turnover > 0)
    assert np.all(np.isfinite(woven.turnover))
    assert woven.close.shape == (GROUP_SIZE, BARS)


@given(seeds, st.integers(1, 120), st.integers(1, 120), moments)
@settings(max_examples=8, deadline=None)
def test_listing_more_symbols_changes_none_of_those_there(seed: int, some: int, others: int, now: Instant) -> None:
    one, other = market(seed, some), market(seed, others)

    for instrument in one.instruments[:: 1 + some // 5]:
        if any(each.symbol == instrument.symbol for each in other.instruments):
            assert one.price(instrument.symbol, now) == other.price(instrument.symbol, now)
            assert one.funding_rate(instrument.symbol, now) == other.funding_rate(instrument.symbol, now)


@given(seeds, st.lists(moments, min_size=2, max_size=5))
@settings(max_examples=8, deadline=None)
def test_funding_is_the_same_in_whatever_order_it_is_asked(seed: int, asked: list[Instant]) -> None:
    one, other = market(seed), market(seed)

    def answer(board: Board, now: Instant) -> object:
        rates = [board.funding_rate(instrument.symbol, now) for instrument in board.instruments]
        return rates, board.settlements(Instant(now - DAY_MS), now)

    forwards = {now: answer(one, now) for now in asked}
    assert {now: answer(other, now) for now in reversed(asked)} == forwards


@given(seeds, moments, st.lists(st.integers(1, 20 * HOUR_MS), min_size=1, max_size=4))
@settings(max_examples=10, deadline=None)
def test_settlements_are_told_once_however_time_is_cut(seed: int, begin: Instant, steps: list[int]) -> None:
    board = market(seed)
    cuts = [begin, *(Instant(begin + sum(steps[: k + 1])) for k in range(len(steps)))]

    parts = [each for after, until in pairwise(cuts) for each in board.settlements(after, until)]

    assert parts == list(board.settlements(begin, cuts[-1]))


def test_history_reaches_back_to_the_beginning_of_the_invented_world() -> None:
    board = market(7)

    (first,) = board.bars(board.instruments[0].symbol, 5 * MINUTE_MS, start=GENESIS, end=None, limit=1, now=USUAL_START)

    assert first.open_at == GENESIS
