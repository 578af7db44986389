from decimal import Decimal
from typing import Any

import pytest

from libs.common.exchange.memory import instrument
from libs.common.units import Fraction, Price, Side, Usd
from services.executor.core.sizing import Risk, Sized, TooSmall, first_stop, size

D = Decimal
RISK = Risk(Fraction(D("0.01")), Fraction(D(2)), Fraction(D(5)), 5)
BTC = instrument("BTCUSDT")


def sized(**said: Any) -> Sized | TooSmall:
    asked: dict[str, Any] = {
        "side": Side.LONG,
        "price": Price(D("1000")),
        "atr": Price(D("10")),
        "instrument": BTC,
        "risk": RISK,
        "equity": Usd(D("10000")),
        "free_margin": Usd(D("10000")),
        "multiplier": Fraction(D(1)),
    }
    return size(**asked | said)


def test_the_first_stop_loses_the_risked_fraction_of_equity() -> None:
    result = sized()
    assert isinstance(result, Sized)
    assert result.stop == Price(D("980.0"))
    assert result.qty == D("5.000")  # 1 % of 10,000 over a distance of 20


def test_a_smaller_conviction_is_a_smaller_size() -> None:
    result = sized(multiplier=Fraction(D("0.5")))
    assert isinstance(result, Sized)
    assert result.qty == D("2.500")


def test_no_position_takes_more_than_its_share_of_the_slots() -> None:
    result = sized(atr=Price(D("1.5")), equity=Usd(D("1000")), free_margin=Usd(D("1000")))
    assert isinstance(result, Sized)
    assert result.margin <= D(200)
    assert result.qty * 1000 / 5 > D(190)


def test_no_position_takes_margin_that_is_not_free() -> None:
    result = sized(free_margin=Usd(D("50")))
    assert isinstance(result, Sized)
    assert result.margin <= D(50)


def test_sizes_are_rounded_down_to_the_step() -> None:
    result = sized(instrument=instrument("BTCUSDT", step="0.7"))
    assert isinstance(result, Sized)
    assert result.qty == D("4.9")


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"equity": Usd(D("0.1"))}, "below the venue's minimum of 0.001"),
        ({"equity": Usd(D("9")), "instrument": instrument("BTCUSDT", step="0.001")}, "below the venue's minimum of 5"),
        ({"free_margin": Usd(D("-3"))}, "below the venue's minimum"),
        ({"risk": Risk(RISK.risk_per_trade, Fraction(D(5)), Fraction(D(25)), 5)}, "liquidation is nearer"),
        ({"instrument": instrument("BTCUSDT", tick="400")}, "no stop within 10 %"),
    ],
)
def test_what_the_venue_or_reason_would_not_take_is_not_sized(said: dict[str, Any], reason: str) -> None:
    result = sized(**said)
    assert isinstance(result, TooSmall)
    assert reason in result.reason


@pytest.mark.parametrize(
    ("atr", "long", "short"), [("10", "980.0", "1020.0"), ("0.01", "997.0", "1003.0"), ("400", "900.0", "1100.0")]
)
def test_the_first_stop_lies_between_0_3_and_10_per_cent(atr: str, long: str, short: str) -> None:
    price, tick, wide = Price(D(1000)), Price(D("0.1")), Fraction(D(2))
    assert first_stop(Side.LONG, price, Price(D(atr)), tick, wide) == D(long)
    assert first_stop(Side.SHORT, price, Price(D(atr)), tick, wide) == D(short)


def test_rounding_does_not_bring_the_first_stop_too_near() -> None:
    stop = first_stop(Side.LONG, Price(D("1000.5")), Price(D("0.01")), Price(D(1)), Fraction(D(2)))
    assert D("1000.5") - stop >= D("1000.5") * D("0.003")
