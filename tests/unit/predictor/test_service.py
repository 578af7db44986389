from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import permutations

import pytest

from libs.common.contracts.market import CandleClosed, CandlesLoaded
from libs.common.units import HOUR_MS, Fraction, Instant, Side, Symbol, Timeframe
from services.predictor.core.feature_table import WARM_UP
from services.predictor.core.judgement import Case, Judgement, Reason
from services.predictor.core.random_policy import RandomPolicy
from services.predictor.core.slots import PATIENCE_MS
from services.predictor.service import Predictor
from tests.support.candles import BEGINNING, candle, candles, missing, walk

M15, M30, H1 = Timeframe.M15, Timeframe.M30, Timeframe.H1
BTC, ETH = Symbol("BTCUSDT"), Symbol("ETHUSDT")
TEN = Instant(BEGINNING + 10 * HOUR_MS)  # a full hour: three candles close
WALL = Instant(1_800_000_000_000)


@dataclass
class Always:
    """A policy that buys whatever it is shown, and remembers what it was."""

    timeframes: tuple[Timeframe, ...] = (M15, M30, H1)
    name: str = "model"
    version: str = "m-1"
    seen: list[tuple[Symbol, Instant]] = field(default_factory=list)
    calls: int = 0

    def judge(self, cases: Sequence[Case]) -> Sequence[Judgement]:
        self.calls += bool(cases)
        self.seen += [(case.symbol, case.slot) for case in cases]
        return [Judgement(Side.LONG, Reason.ADVISED, "always", Fraction(Decimal(1))) for _ in cases]


def history(symbol: Symbol, timeframe: Timeframe, *, until: Instant, bars: int = WARM_UP + 5) -> list[CandleClosed]:
    walked = walk(bars, seed=sum(symbol.encode()), step_ms=timeframe.ms, start=until - bars * timeframe.ms)
    return candles(symbol, timeframe, walked)


def predictor(policy: Always | RandomPolicy, *symbols: Symbol, until: Instant = Instant(TEN - HOUR_MS)) -> Predictor:
    """A predictor that knows every series of `symbols` up to `until`, and owns them all."""
    made = Predictor(policy, share=frozenset(symbols))
    for symbol in symbols:
        for timeframe in policy.timeframes:
            made.restore((symbol, timeframe), history(symbol, timeframe, until=until))
    return made


def hour(symbol: Symbol) -> list[CandleClosed]:
    """Every candle of the hour before TEN, in the order of the stream."""
    quarters = [candle(symbol, M15, TEN - n * M15.ms) for n in (4, 3)]
    halves = [candle(symbol, M30, TEN - HOUR_MS), candle(symbol, M15, TEN - 2 * M15.ms)]
    return [*quarters, *halves, *closing(symbol)]


def closing(symbol: Symbol) -> list[CandleClosed]:
    return [
        candle(symbol, M15, TEN - M15.ms),
        candle(symbol, M30, TEN - M30.ms),
        candle(symbol, H1, TEN - H1.ms),
    ]


def ready_for_ten(policy: Always | RandomPolicy, *symbols: Symbol) -> Predictor:
    made = predictor(policy, *symbols)
    for symbol in symbols:
        made.decide([message for message in hour(symbol)[:-3] if message.timeframe in policy.timeframes], WALL)
    return made


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_full_hour_is_decided_once_when_its_last_candle_is_there(order: tuple[int, ...]) -> None:
    policy = Always()
    desk = ready_for_ten(policy, BTC)
    policy.seen.clear()
    arriving = [closing(BTC)[i] for i in order]
    assert desk.decide(arriving[:1], WALL) == []
    assert desk.decide(arriving[1:2], WALL) == []
    (signal,) = desk.decide(arriving[2:], WALL)
    assert (signal.symbol, signal.slot, signal.side) == (BTC, TEN, Side.LONG)
    assert signal.valid_until == TEN + M15.ms
    assert signal.trace == signal.cause == closing(BTC)[0].id
    assert policy.seen == [(BTC, TEN)]


def test_quarters_do_not_wait_for_the_longer_candles() -> None:
    desk = predictor(Always(), BTC)
    (signal,) = desk.decide([candle(BTC, M15, TEN - 4 * M15.ms)], WALL)
    assert signal.slot == TEN - 3 * M15.ms


def test_a_replayed_candle_is_not_decided_again() -> None:
    desk = ready_for_ten(Always(), BTC)
    assert len(desk.decide(closing(BTC), WALL)) == 1
    assert desk.decide(closing(BTC), WALL) == []


def test_after_a_restart_the_same_slot_gives_the_same_signal_to_the_last_field() -> None:
    first = ready_for_ten(Always(), BTC)
    (signal,) = first.decide(closing(BTC), WALL)
    second = Predictor(Always(), share=frozenset({BTC}))
    for timeframe in (M15, M30, H1):
        stored = history(BTC, timeframe, until=Instant(TEN - HOUR_MS))
        second.restore((BTC, timeframe), [*stored, *(c for c in hour(BTC) if c.timeframe is timeframe)])
    (again,) = second.decide([closing(BTC)[-1]], WALL)
    assert again == signal


def test_how_the_symbols_interleave_changes_no_decision() -> None:
    one, other = ready_for_ten(Always(), BTC, ETH), ready_for_ten(Always(), BTC, ETH)
    together = one.decide([*closing(BTC), *closing(ETH)], WALL)
    mixed = [message for pair in zip(closing(ETH), closing(BTC), strict=True) for message in pair]
    apart = [signal for message in mixed for signal in other.decide([message], WALL)]
    assert sorted(together, key=lambda s: s.symbol) == sorted(apart, key=lambda s: s.symbol)


def test_everything_that_comes_together_is_judged_in_one_call() -> None:
    policy = Always()
    desk = ready_for_ten(policy, BTC, ETH)
    policy.calls = 0
    assert len(desk.decide([*closing(BTC), *closing(ETH)], WALL)) == 2
    assert policy.calls == 1


def test_a_slot_whose_hour_does_not_come_is_declined_and_stays_declined() -> None:
    desk = ready_for_ten(Always(), BTC)
    desk.decide(closing(BTC)[:2], WALL)
    assert desk.decide([], Instant(WALL + PATIENCE_MS - 1)) == []
    assert desk.verdicts[BTC].slot < TEN
    assert desk.decide([], Instant(WALL + PATIENCE_MS)) == []
    judgement = desk.verdicts[BTC].judgement
    assert (judgement.reason, judgement.rationale) == (Reason.INCOMPLETE, "1h did not come within 2 s")
    assert desk.decide(closing(BTC)[2:], Instant(WALL + PATIENCE_MS)) == []


def test_without_patience_a_slot_waits_until_its_candle_comes() -> None:
    desk = ready_for_ten(Always(), BTC)
    desk.patience_ms = None
    desk.decide(closing(BTC)[:2], WALL)
    assert desk.decide([], Instant(WALL + HOUR_MS)) == []
    assert len(desk.decide(closing(BTC)[2:], Instant(WALL + HOUR_MS))) == 1


def test_a_candle_that_cannot_be_had_counts_as_arrived_without() -> None:
    desk = ready_for_ten(Always(), BTC)
    desk.decide(closing(BTC)[:2], WALL)
    (signal,) = desk.decide([missing(BTC, H1, TEN - H1.ms)], WALL)
    assert signal.slot == TEN


def test_without_the_quarter_itself_there_is_no_price_to_enter_at() -> None:
    desk = ready_for_ten(Always(), BTC)
    assert desk.decide([missing(BTC, M15, TEN - M15.ms), *closing(BTC)[1:]], WALL) == []
    assert desk.verdicts[BTC].judgement.reason is Reason.INCOMPLETE


def test_a_reader_that_is_behind_decides_on_the_newest_slot_only() -> None:
    policy = Always()
    desk = predictor(policy, BTC)
    (signal,) = desk.decide(hour(BTC), WALL)
    assert signal.slot == TEN
    assert policy.seen == [(BTC, TEN)]


def test_a_slot_that_the_market_has_left_behind_is_stale() -> None:
    desk = ready_for_ten(Always(), BTC)
    assert desk.decide([*closing(BTC), candle(ETH, M15, TEN)], WALL) == []
    assert desk.verdicts[BTC].judgement.reason is Reason.STALE


def test_a_young_series_is_not_judged_and_says_how_young_it_is() -> None:
    desk = Predictor(Always(), share=frozenset({BTC}))
    for timeframe in (M15, M30, H1):
        bars = 50 if timeframe is H1 else WARM_UP
        desk.restore((BTC, timeframe), history(BTC, timeframe, until=TEN, bars=bars))
    assert desk.decide([closing(BTC)[0]], WALL) == []
    judgement = desk.verdicts[BTC].judgement
    assert (judgement.reason, judgement.rationale) == (Reason.WARMING_UP, f"1h has 50 of {WARM_UP} candles")


def test_a_hole_in_a_series_asks_for_its_restoration() -> None:
    desk = predictor(Always(), BTC)
    first, _, third = (candle(BTC, M15, TEN - n * M15.ms) for n in (4, 3, 2))
    assert desk.unknown([first]) == []
    assert desk.unknown([third]) == [(BTC, M15)]
    assert desk.unknown([first, third]) == [(BTC, M15)]
    assert desk.unknown([first, missing(BTC, M15, TEN - 3 * M15.ms), third]) == []


def test_loaded_history_is_restored_before_its_first_candle() -> None:
    desk = predictor(Always(), BTC)
    assert desk.unknown([loaded(BTC, ETH)]) == [(ETH, M15), (ETH, M30), (ETH, H1)]


def loaded(*universe: Symbol, at: int = TEN) -> CandlesLoaded:
    return CandlesLoaded(id="x", cause="", trace="", at=Instant(at), universe=universe, loaded=universe)


def test_a_symbol_that_is_not_fetched_any_more_is_let_go_of_when_it_is_decided() -> None:
    desk = ready_for_ten(Always(), BTC, ETH)
    desk.decide([*closing(ETH)[:2], *closing(BTC), loaded(BTC)], WALL)  # one candle of its hour is on its way
    assert set(desk.symbols) == {BTC, ETH}
    (signal,) = desk.decide(closing(ETH)[2:], WALL)
    assert signal.symbol == ETH
    assert set(desk.symbols) == {BTC}
    assert desk.verdicts.keys() == desk.loaded == {BTC}


def test_a_symbol_that_went_with_a_slot_that_nobody_can_use_any_more_is_let_go_of() -> None:
    desk = ready_for_ten(Always(), BTC, ETH)
    desk.decide([*closing(ETH)[:2], loaded(BTC)], WALL)
    assert set(desk.symbols) == {BTC, ETH}
    desk.decide([loaded(BTC, at=TEN + M15.ms)], WALL)
    assert set(desk.symbols) == {BTC}


def test_a_symbol_that_comes_back_is_restored_like_a_new_one() -> None:
    desk = predictor(Always(), BTC, ETH)
    desk.decide([loaded(BTC)], WALL)
    assert set(desk.symbols) == {BTC}
    assert desk.unknown([loaded(BTC, ETH)]) == [(ETH, M15), (ETH, M30), (ETH, H1)]


def test_a_replica_decides_on_its_share_and_takes_over_an_open_slot() -> None:
    desk = ready_for_ten(Always(), BTC)
    desk.share = frozenset()
    assert desk.decide(closing(BTC), WALL) == []
    desk.share = frozenset({BTC})
    (signal,) = desk.decide([], WALL)
    assert signal.slot == TEN


def test_the_random_policy_waits_for_the_quarter_alone_and_says_what_it_is() -> None:
    desk = ready_for_ten(RandomPolicy(1, Decimal(1)), BTC)
    (signal,) = desk.decide(closing(BTC)[:1], WALL)
    decision = signal.decision
    assert (decision.policy, decision.model_version, decision.votes) == ("random:1", "", ())
    assert decision.rationale.startswith("random policy, seed 1: ")
    assert decision.confidence == Decimal("0.5")
    assert decision.price == Decimal(100)
    assert 0 < decision.atr < 10
    assert 0 < decision.adx < 100
    assert 0 < decision.volatility < 1


def test_decisions_are_counted_by_reason() -> None:
    desk = ready_for_ten(RandomPolicy(1, Decimal("0.000001")), BTC)
    desk.decide(closing(BTC)[:1], WALL)
    assert desk.counts == {Reason.NOT_DRAWN: 2}
