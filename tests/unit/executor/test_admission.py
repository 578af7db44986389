import ast
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from libs.common.contracts.recovery import Phase
from libs.common.units import Fraction, Instant, Price, Qty, Symbol, Usd
from services.executor.core.admission import Approved, Declined, Standing, Wish, review
from services.executor.core.sizing import Sized, TooSmall
from services.executor.core.switch import Level
from tests.support import builders
from tests.unit.executor.test_protections import LIMITS, seen

D = Decimal
SIZED = Sized(Qty(D("0.01")), Price(D("114000")), Usd(D(200)), Fraction(D(5)))


def standing(**said: Any) -> Standing:
    fine: dict[str, Any] = {
        "fence_is_ours": True,
        "level": Level.OPEN,
        "phase": Phase.SEEKING_ENTRY,
        "taken": frozenset(),
        "busy": False,
        "in_review": False,
        "known": True,
    }
    return Standing(**fine | said)


def wish(**said: Any) -> Wish:
    signal = builders.signal()
    fine: dict[str, Any] = {
        "signal": signal,
        "sized": SIZED,
        "now": signal.slot,
        "max_positions": 2,
        "free_margin": Usd(D(500)),
    }
    return Wish(**fine | said)


def test_a_fit_wish_is_approved() -> None:
    assert isinstance(review(wish(), standing(), seen(), LIMITS), Approved)


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"fence_is_ours": False}, "overtaken"),
        ({"level": Level.PAUSED}, "switch"),
        ({"level": Level.HALTED}, "switch"),
        ({"level": Level.DETACHED}, "switch"),
        ({"phase": Phase.RECOVERING}, "phase"),
        ({"taken": frozenset({Symbol("BTCUSDT")})}, "taken"),
        ({"taken": frozenset({Symbol("A"), Symbol("B")})}, "max_positions"),
        ({"busy": True}, "busy"),
        ({"in_review": True}, "review"),
        ({"known": False}, "symbol"),
    ],
)
def test_what_stands_in_the_way_is_named(changed: dict[str, Any], rule: str) -> None:
    verdict = review(wish(), standing(**changed), seen(), LIMITS)
    assert isinstance(verdict, Declined)
    assert verdict.rule == rule


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"now": Instant(builders.signal().valid_until + 1)}, "expired"),
        ({"sized": TooSmall("dust")}, "size"),
        ({"free_margin": Usd(D(199))}, "margin"),
    ],
)
def test_a_wish_that_does_not_fit_is_declined(changed: dict[str, Any], rule: str) -> None:
    verdict = review(wish(**changed), standing(), seen(), LIMITS)
    assert isinstance(verdict, Declined)
    assert verdict.rule == rule


def test_a_protection_declines_and_says_until_when() -> None:
    verdict = review(wish(), standing(), seen(last_loss_at=seen().now), LIMITS)
    assert isinstance(verdict, Declined)
    assert (verdict.rule, verdict.until) == ("cooldown", seen().now + LIMITS.cooldown_after_loss_ms)


def test_only_review_makes_an_approved() -> None:
    makers = []
    for file in Path("services/executor").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Approved":
                makers.append(file.name)
    assert makers == ["admission.py"]
