from decimal import Decimal

from libs.common.units import Fraction, Instant, Side, Symbol, Timeframe
from services.predictor.core.feature_table import WARM_UP
from services.predictor.core.judgement import Case, Judgement, Reason, coldness, digest, rounded, signal_of
from services.predictor.core.random_policy import RandomPolicy
from services.predictor.core.series import series_of
from tests.support.candles import candles, walk

M15, H1 = Timeframe.M15, Timeframe.H1
CANDLES = candles("BTCUSDT", M15, walk(WARM_UP + 1))
SLOT = CANDLES[-1].close_at
POLICY = RandomPolicy(1, Decimal(1))
ADVICE = Judgement(Side.SHORT, Reason.ADVISED, "because", Fraction(Decimal("0.5")))


def case(bars: int = WARM_UP + 1, slot: Instant = SLOT) -> Case:
    return Case(Symbol("BTCUSDT"), slot, {M15: series_of(M15, CANDLES[-bars:])})


def test_a_signal_explains_itself() -> None:
    signal = signal_of(case(), ADVICE, Side.SHORT, POLICY)
    assert (signal.side, signal.at, signal.slot, signal.valid_until) == (Side.SHORT, SLOT, SLOT, SLOT + M15.ms)
    assert signal.cause == signal.trace == CANDLES[-1].id
    assert signal.decision.price == CANDLES[-1].close
    assert signal.decision.rationale == "because"
    assert signal.decision.policy == "random:1"
    assert signal.size_multiplier == 1


def test_one_symbol_and_slot_have_one_signal_id() -> None:
    signal = signal_of(case(), ADVICE, Side.SHORT, POLICY)
    assert signal_of(case(), ADVICE, Side.LONG, POLICY).id == signal.id
    assert signal_of(case(slot=Instant(SLOT + M15.ms)), ADVICE, Side.SHORT, POLICY).id != signal.id


def test_a_case_is_cold_until_every_series_is_warm() -> None:
    assert coldness(case()) == ""
    assert coldness(case(bars=20)) == f"15m has 20 of {WARM_UP} candles"


def test_the_digest_names_the_rows_as_the_model_sees_them() -> None:
    assert digest(case()) == digest(case())
    assert digest(case()) != digest(case(bars=WARM_UP))  # an average that began elsewhere is another number
    same = case()
    same.series[M15].row[0] *= 1 + 1e-12  # below what a float32 can hold
    assert digest(same) == digest(case())


def test_a_measured_number_keeps_ten_digits() -> None:
    assert rounded(0.1 + 0.2) == Decimal("0.3")
    assert rounded(12345.678901234) == Decimal("12345.6789")
