from decimal import Decimal

from fastapi import FastAPI
from fastapi.testclient import TestClient

from libs.common.units import Fraction, Instant, Side, Symbol
from services.predictor.adapters.decisions_api import decision_routes
from services.predictor.core.judgement import Judgement, Reason, Verdict

BTC, ETH = Symbol("BTCUSDT"), Symbol("ETHUSDT")
HALF = Fraction(Decimal("0.5"))


def client() -> TestClient:
    app = FastAPI()
    judgements = {
        ETH: Judgement(Side.SHORT, Reason.ADVISED, "2/3 timeframes agree on SELL; XGBoost 75 %", HALF, HALF),
        BTC: Judgement(None, Reason.NO_AGREEMENT, "3/3 timeframes say HOLD"),
    }
    verdicts = {symbol: Verdict(symbol, Instant(900_000), judgement) for symbol, judgement in judgements.items()}
    app.include_router(decision_routes(verdicts, {Reason.NO_AGREEMENT: 3, Reason.ADVISED: 1}))
    return TestClient(app)


def test_every_symbol_says_why_in_order_and_the_reasons_are_counted() -> None:
    answer = client().get("/v1/decisions").json()
    assert [(item["symbol"], item["side"], item["reason"]) for item in answer["items"]] == [
        ("BTCUSDT", None, "no_agreement"),
        ("ETHUSDT", "short", "advised"),
    ]
    assert answer["items"][1]["confidence"] == "0.5"
    assert answer["counts"] == {"no_agreement": 3, "advised": 1}


def test_one_symbol_can_be_asked_for() -> None:
    items = client().get("/v1/decisions?symbol=BTCUSDT").json()["items"]
    assert [item["rationale"] for item in items] == ["3/3 timeframes say HOLD"]
