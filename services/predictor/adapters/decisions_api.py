"""`GET /v1/decisions`: the newest verdict on every symbol, and how often each reason decided."""

from collections.abc import Mapping

from fastapi import APIRouter
from pydantic import JsonValue

from libs.common.units import Symbol
from services.predictor.core.judgement import Reason, Verdict

Json = dict[str, JsonValue]


def decision_routes(verdicts: Mapping[Symbol, Verdict], counts: Mapping[Reason, int]) -> APIRouter:
    """The endpoint, for `app.include_router`; it shows what the mappings hold when it is asked."""
    routes = APIRouter(tags=["decisions"])

    @routes.get("/v1/decisions")
    async def decisions(symbol: str = "") -> Json:
        """Why each symbol was or was not entered at its newest slot, symbols in order."""
        chosen = [verdicts[known] for known in sorted(verdicts) if symbol in ("", known)]
        return {"items": [shown(verdict) for verdict in chosen], "counts": {str(r): n for r, n in counts.items()}}

    return routes


def shown(verdict: Verdict) -> Json:
    """A verdict as JSON, money and probabilities as strings."""
    judgement = verdict.judgement
    return {
        "symbol": verdict.symbol,
        "slot": verdict.slot,
        "side": judgement.side,
        "reason": judgement.reason,
        "rationale": judgement.rationale,
        "confidence": str(judgement.confidence),
        "threshold": str(judgement.threshold),
        "votes": [vote.model_dump(mode="json") for vote in judgement.votes],
    }
