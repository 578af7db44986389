from decimal import ROUND_DOWN
from decimal import Decimal as D

import pytest

from libs.common.units import Fraction, Price, Qty, Side, Usd
from services.paper_exchange.core.margin.margin import (
    Stake,
    bankruptcy_price,
    break_even,
    close_fee,
    entry_margin,
    initial_margin,
    maintenance_margin,
    takeover_price,
    unrealised,
)
from services.paper_exchange.core.margin.tiers import tiers
from tests.support.scripted_market import instrument

TAKER = D("0.00055")
MARK = Price(D(50_500))


def stake(side: Side, size: str, entry: str, leverage: str, max_leverage: str = "100") -> Stake:
    ladder = tiers(instrument(max_leverage=Fraction(D(max_leverage))))
    return Stake(side, Qty(D(size)), Usd(D(size) * D(entry)), Fraction(D(leverage)), ladder)


LONG = stake(Side.LONG, "0.5", "50000", "10")
SHORT = stake(Side.SHORT, "0.5", "50000", "10")


@pytest.mark.parametrize(("held", "fee", "margin"), [(LONG, "12.375", "2537.375"), (SHORT, "15.125", "2540.125")])
def test_initial_margin_is_at_mark_and_its_fee_at_bankruptcy(held: Stake, fee: str, margin: str) -> None:
    """The venue's own example: value at mark 25,250 at 10x, and 0.055 % of 22,500 or 27,500."""
    assert close_fee(held, TAKER) == D(fee)
    assert initial_margin(held, MARK, TAKER) == D(margin)


def test_a_position_of_the_venue_has_the_same_margins() -> None:
    """As seen on a real account: 0.001 BTC at 60,766.7 and 10x."""
    seen = stake(Side.LONG, "0.001", "60766.7", "10")
    entry = Price(D("60766.7"))
    assert round(initial_margin(seen, entry, TAKER), 8) == D("6.10674952")
    assert round(maintenance_margin(seen, entry, TAKER), 8) == D("0.33391302")


def test_so_has_one_with_another_fee_and_less_leverage() -> None:
    """25 SNX at 0.2899 and 25x, where a broker's taker rate is 0.085 %."""
    seen, entry, taker = stake(Side.LONG, "25", "0.2899", "25", "25"), Price(D("0.2899")), D("0.00085")
    assert round(initial_margin(seen, entry, taker), 8) == D("0.29581396")
    assert round(maintenance_margin(seen, entry, taker), 8) == D("0.15086396")
    even = break_even(seen, Usd(-seen.cost * taker), taker)
    assert even.quantize(D("1e-8"), ROUND_DOWN) == D("0.29039324")


def test_maintenance_margin_follows_the_mark_into_the_next_tier() -> None:
    held = stake(Side.LONG, "20", "100000", "50")
    fee = D(2_000_000) * D("0.98") * TAKER
    assert maintenance_margin(held, Price(D(100_000)), TAKER) == 10_000 + fee
    assert maintenance_margin(held, Price(D(130_000)), TAKER) == D(2_600_000) * D("0.0056") - 1_200 + fee


def test_entry_margin_does_not_follow_the_mark() -> None:
    assert entry_margin(LONG, TAKER) == D("2512.375")


@pytest.mark.parametrize(("held", "price"), [(LONG, 45_000), (SHORT, 55_000)])
def test_bankruptcy_is_one_leverage_th_from_entry(held: Stake, price: int) -> None:
    assert bankruptcy_price(held) == price


def test_profit_is_by_price_alone() -> None:
    assert (unrealised(LONG, MARK), unrealised(SHORT, MARK)) == (D(250), D(-250))


@pytest.mark.parametrize(("held", "price"), [(LONG, "50055.0302666467"), (SHORT, "49945.0302333716")])
def test_closing_at_break_even_brings_back_both_fees(held: Stake, price: str) -> None:
    opened = Usd(-25_000 * TAKER)
    even = break_even(held, opened, TAKER)
    assert round(even, 10) == D(price)
    assert abs(unrealised(held, even) + opened - even * held.size * TAKER) < D("1e-18")


def test_break_even_reckons_with_the_usual_fee_at_least() -> None:
    assert break_even(LONG, Usd(D(0)), D("0.0001")) == break_even(LONG, Usd(D(0)), TAKER)


@pytest.mark.parametrize("share", ["90", "0", "-40"])
@pytest.mark.parametrize("held", [LONG, SHORT])
def test_a_takeover_costs_a_share_of_the_balance_and_pays_its_fee_from_it(held: Stake, share: str) -> None:
    price = takeover_price(held, MARK, Usd(D(share)), TAKER)
    lost = unrealised(held, MARK) - unrealised(held, price) + held.size * price * TAKER
    assert abs(lost - D(share)) < D("1e-18")


def test_a_long_alone_is_taken_over_where_the_account_has_nothing_left() -> None:
    """0.5 BTC are worth 25,250; the account has 2,250 to lose: 23,000 must remain after 0.055 %."""
    assert takeover_price(LONG, MARK, Usd(D(2_250)), TAKER) == D(46_000) / (1 - TAKER)
