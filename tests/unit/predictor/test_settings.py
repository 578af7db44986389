import pytest

from libs.common.errors import Misconfigured
from libs.common.units import Timeframe
from services.predictor.core.slots import PATIENCE_MS
from services.predictor.settings import PredictorSettings


def test_timeframes_are_judged_shortest_first_and_only_from_15m_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IRONKEEL_MARKET__TIMEFRAMES", '["1h", "5m", "15m"]')
    assert PredictorSettings.load().timeframes == (Timeframe.M15, Timeframe.H1)


def test_without_15m_candles_there_is_nothing_to_decide_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IRONKEEL_MARKET__TIMEFRAMES", '["30m", "1h"]')
    with pytest.raises(Misconfigured, match="15m is needed"):
        PredictorSettings.load()


def test_more_agreement_than_timeframes_is_a_contradiction(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IRONKEEL_MARKET__TIMEFRAMES", '["15m"]')
    with pytest.raises(Misconfigured, match="min_agreement 2: only 1 timeframes are judged"):
        PredictorSettings.load()


def test_in_lockstep_no_slot_is_given_up_by_wall_time(monkeypatch: pytest.MonkeyPatch) -> None:
    assert PredictorSettings.load().patience_ms == PATIENCE_MS
    monkeypatch.setenv("IRONKEEL_PAPER__SPEED", "max")
    assert PredictorSettings.load().patience_ms is None
