from decimal import Decimal
from typing import Any

import pytest

from libs.common.units import DAY_MS, MINUTE_MS, Fraction, Instant, Symbol, Usd
from services.executor.core.protections import Conditions, Limits, day_start, next_day, objections, surely_off

NOW = Instant(100 * DAY_MS + 5 * MINUTE_MS)
LIMITS = Limits(30 * MINUTE_MS, Fraction(Decimal("0.1")))


def seen(**said: Any) -> Conditions:
    calm: dict[str, Any] = {
        "symbol": Symbol("BTCUSDT"),
        "now": NOW,
        "equity": Usd(Decimal(900)),
        "last_loss_at": None,
        "lost_today": Usd(Decimal(0)),
        "priced_at": NOW,
        "clock_offset_ms": 0,
    }
    return Conditions(**calm | said)


def test_a_calm_account_has_no_objections() -> None:
    assert not objections(seen(), LIMITS)
    assert not objections(seen(priced_at=None), LIMITS)


@pytest.mark.parametrize(
    ("said", "rule", "until"),
    [
        ({"last_loss_at": Instant(NOW - 10 * MINUTE_MS)}, "cooldown", Instant(NOW + 20 * MINUTE_MS)),
        ({"lost_today": Usd(Decimal(-100))}, "daily_loss", next_day(NOW)),
        ({"clock_offset_ms": -1500}, "clock_offset", None),
        ({"priced_at": Instant(NOW - 6 * MINUTE_MS)}, "stale_data", None),
    ],
)
def test_each_rule_names_itself_and_when_it_ends(said: dict[str, Any], rule: str, until: Instant | None) -> None:
    [objection] = objections(seen(**said), LIMITS)
    assert (objection.rule, objection.until) == (rule, until)


@pytest.mark.parametrize(
    "said",
    [
        {"last_loss_at": Instant(NOW - 30 * MINUTE_MS)},
        {"lost_today": Usd(Decimal("-99.9"))},
        {"clock_offset_ms": 1000},
        {"priced_at": Instant(NOW - 5 * MINUTE_MS)},
    ],
)
def test_at_its_limit_a_rule_is_silent(said: dict[str, Any]) -> None:
    assert not objections(seen(**said), LIMITS)


def test_days_begin_at_midnight() -> None:
    assert day_start(NOW) == 100 * DAY_MS
    assert next_day(NOW) == 101 * DAY_MS


@pytest.mark.parametrize(
    ("server", "off"),
    [
        (1_000, 0),  # the venue looked at its clock when we asked, or at any moment until it answered
        (4_000, 0),
        (4_700, 700),
        (200, -800),
    ],
)
def test_a_slow_answer_is_no_offset_of_the_clocks(server: int, off: int) -> None:
    assert surely_off(Instant(server), Instant(1_000), Instant(4_000)) == off
