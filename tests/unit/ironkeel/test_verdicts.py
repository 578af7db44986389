from typing import Any

from ironkeel.local.probe import SystemView
from ironkeel.local.screen import Sight, summary
from ironkeel.local.verdicts import sentence


def decisions(**counts: int) -> dict[str, Any]:
    rows = [
        {"symbol": "BTCUSDT", "rationale": "3/3 timeframes say HOLD", "confidence": "0"},
        {
            "symbol": "ETHUSDT",
            "rationale": "2/3 timeframes agree on BUY; XGBoost 38 % is below 50 %",
            "confidence": "0.38",
        },
    ]
    return {"counts": counts, "items": rows}


def test_a_model_that_declines_says_how_often_why_and_what_came_nearest() -> None:
    assert sentence(decisions(low_confidence=4, no_agreement=2, advised=1)) == (
        "the predictor declined 6 of 7 (low confidence 4, no agreement 2); "
        "nearest ETHUSDT: 2/3 timeframes agree on BUY; XGBoost 38 % is below 50 %"
    )


def test_nothing_is_said_when_nothing_is_known_or_nothing_was_declined() -> None:
    assert sentence(None) == sentence({"counts": {}, "items": []}) == sentence(decisions(advised=3)) == ""


def test_the_summary_says_why_nothing_is_entered_and_each_reason_once() -> None:
    status = {"phase": "SEEKING_ENTRY", "why": ["no signal has come yet", "no signal has come yet"]}
    view = SystemView("SEEKING_ENTRY", "open", None, (), status, decisions(no_agreement=2))
    told = summary(Sight(view))
    assert told.count("no signal has come yet") == 1
    assert "the predictor declined 2 of 2" in told
