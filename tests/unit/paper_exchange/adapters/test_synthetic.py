import subprocess
import sys
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest

from libs.common.errors import Misconfigured
from libs.common.units import DAY_MS, HOUR_MS, MINUTE_MS, Instant, Symbol
from services.paper_exchange.adapters.markets.synthetic import GENESIS, USUAL_START, synthetic_market
from services.paper_exchange.core.market.board import Board
from services.paper_exchange.core.market.market import Bar

BTC, SOL = Symbol("BTCUSDT"), Symbol("SOLUSDT")


def market(seed: int = 7, symbols: int = 3) -> Board:
    return synthetic_market(seed=seed, symbols=symbols, start=None, end=None)


def hours(board: Board, symbol: Symbol, count: int) -> list[Bar]:
    return list(board.bars(symbol, HOUR_MS, start=None, end=None, limit=count, now=USUAL_START))


def test_the_first_training_finds_two_thousand_hours_before_the_start() -> None:
    assert len(hours(market(), BTC, 2_000)) == 2_000


def test_the_same_seed_gives_the_same_market_and_another_seed_another() -> None:
    assert hours(market(), SOL, 50) == hours(market(), SOL, 50) != hours(market(seed=8), SOL, 50)


def test_another_process_sees_the_same_prices() -> None:
    script = (
        "from services.paper_exchange.adapters.markets.synthetic import synthetic_market, USUAL_START as at;"
        "market = synthetic_market(seed=7, symbols=3, start=None, end=None);"
        "print(market.price('SOLUSDT', at + 12_345_678))"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout

    assert Decimal(told.splitlines()[-1]) == market().price(SOL, Instant(USUAL_START + 12_345_678))


def test_days_asked_for_backwards_are_the_same_days() -> None:
    forwards, backwards = market(), market()
    days = [Instant(USUAL_START + day * DAY_MS + MINUTE_MS) for day in range(5)]

    seen = {day: backwards.price(SOL, day) for day in reversed(days)}

    assert [forwards.price(SOL, day) for day in days] == [seen[day] for day in days]


def test_listing_more_symbols_changes_none_of_the_others() -> None:
    assert hours(market(symbols=3), SOL, 30) == hours(market(symbols=60), SOL, 30)


def test_a_day_opens_where_the_day_before_closed() -> None:
    bars = market().bars(SOL, 5 * MINUTE_MS, start=None, end=None, limit=3 * 288, now=USUAL_START)

    assert all(later.open == earlier.close for earlier, later in pairwise(bars))


def test_symbols_move_together_but_not_as_one() -> None:
    closes = [[float(bar.close) for bar in hours(market(), symbol, 1_000)] for symbol in (BTC, Symbol("ETHUSDT"))]

    correlation = np.corrcoef(np.diff(np.log(closes)))[0, 1]

    assert 0.2 < correlation < 0.95


def test_volatility_comes_in_clusters() -> None:
    closes = [float(bar.close) for bar in hours(market(), BTC, 2_000)]
    moves = np.abs(np.diff(np.log(closes)))

    assert np.corrcoef(moves[1:], moves[:-1])[0, 1] > 0.05


def test_a_thousand_symbols_have_a_thousand_names() -> None:
    instruments = market(symbols=1_000).instruments

    assert len({each.symbol for each in instruments}) == 1_000
    assert sum(each.symbol.startswith("SYNTH") for each in instruments) == 980


def test_a_thousand_symbols_tick_and_have_rates() -> None:
    board = market(symbols=1_000)

    ticks = board.path(USUAL_START, Instant(USUAL_START + 5 * MINUTE_MS))

    assert len({tick.symbol for tick in ticks}) == 1_000
    assert all(tick.price > 0 for tick in ticks)
    assert sum(tick.volume > 0 for tick in ticks) > 0.9 * len(ticks)
    assert len({board.funding_rate(each.symbol, USUAL_START) for each in board.instruments}) > 100


def test_longs_and_shorts_pay_in_turn_and_the_base_rate_is_usual() -> None:
    settled = market().settlements(Instant(USUAL_START - 60 * DAY_MS), USUAL_START)
    rates = [float(each.rate) for each in settled]

    assert len(settled) == 3 * 60 * 3
    assert 0.1 < np.mean(np.equal(rates, 0.0001)) < 0.7
    assert min(rates) < 0 < max(rates) < 0.002


def test_the_sign_of_the_last_returns_does_not_tell_the_next() -> None:
    closes = np.log([[float(bar.close) for bar in hours(market(symbols=12), symbol, 2_000)] for symbol in (BTC, SOL)])
    moves = np.diff(closes, axis=1)

    for span in (1, 4, 24):
        trend = closes[:, span:-1] - closes[:, : -span - 1]
        hits = np.mean(np.sign(trend) == np.sign(moves[:, span:]))
        assert 0.46 < hits < 0.54


def test_a_start_without_room_for_history_is_refused() -> None:
    with pytest.raises(Misconfigured, match=r"paper\.from = 2025-01-02"):
        synthetic_market(seed=7, symbols=1, start=Instant(GENESIS + DAY_MS), end=None)


def test_an_end_before_the_start_is_refused() -> None:
    with pytest.raises(Misconfigured, match=r"paper\.to"):
        synthetic_market(seed=7, symbols=1, start=None, end=Instant(USUAL_START - 1))
