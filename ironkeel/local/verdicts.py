"""What the predictor decided lately, in one sentence: a model that declines says why."""

from decimal import Decimal
from typing import Final

from ironkeel.local.rest import Json

ADVISED: Final = "advised"  # the reason under which the predictor counts its signals


def sentence(decisions: Json | None) -> str:
    """Return how the newest verdicts were counted, and the one that came nearest to a signal; "" when none is known."""
    counts = (decisions or {}).get("counts") or {}
    declined = {reason: n for reason, n in counts.items() if reason != ADVISED}
    if not declined:
        return ""
    told = ", ".join(f"{reason.replace('_', ' ')} {n}" for reason, n in sorted(declined.items()))
    nearest = max((decisions or {}).get("items") or (), key=_confidence, default=None)
    example = f"; nearest {nearest['symbol']}: {nearest['rationale']}" if nearest else ""
    return f"the predictor declined {sum(declined.values())} of {sum(counts.values())} ({told}){example}"


def _confidence(item: Json) -> Decimal:
    return Decimal(str(item["confidence"]))
