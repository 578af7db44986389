from dataclasses import FrozenInstanceError
from decimal import Decimal as D

import pytest

from libs.common.units import Fraction
from services.trailing.core.rules import Rules
from services.trailing.settings import TrailingSettings

TOLD = {
    "IRONKEEL_TRAILING__ACTIVATION_R": "0.75",
    "IRONKEEL_TRAILING__DISTANCE_ATR": "2.125",
    "IRONKEEL_TRAILING__DISTANCE": "0.0123456789",
    "IRONKEEL_TRAILING__MIN_STEP": "0.00051",
    "IRONKEEL_TRAILING__MAX_HOURS": "7",
}


def test_the_operator_s_numbers_become_rules_each_in_its_place_to_the_last_digit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in TOLD.items():
        monkeypatch.setenv(name, value)
    assert TrailingSettings.load().rules == Rules(
        activation_r=Fraction(D("0.75")),
        distance_atr=Fraction(D("2.125")),
        distance=Fraction(D("0.0123456789")),
        min_step=Fraction(D("0.00051")),
        max_hours=7,
    )


def test_rules_do_not_change_under_a_position() -> None:
    one = Fraction(D(1))
    rules = Rules(one, one, one, one, 48)
    with pytest.raises(FrozenInstanceError):
        rules.distance = Fraction(D(2))  # type: ignore[misc]
