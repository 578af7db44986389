"""Whatever is held at whatever leverage, the paper exchange's margins hold together."""

from decimal import Decimal
from itertools import pairwise

from hypothesis import assume, given
from hypothesis import strategies as st

from libs.common.units import ZERO, Fraction, Price, Qty, Side, Usd
from services.paper_exchange.core.margin.liquidation import cross_liquidation, is_beyond, isolated_liquidation
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
from services.paper_exchange.core.margin.order_margin import Resting, order_cost, order_margin
from services.paper_exchange.core.margin.tiers import RiskTier, kept, max_leverage_for, tier_of, tiers
from tests.support.scripted_market import instrument

TAKER = Decimal("0.00055")
DUST = Decimal("1e-12")  # of divisions

leverages = st.sampled_from(["1", "2", "5", "12.5", "20", "25", "33.33", "50", "75", "100", "125"])
ladders = leverages.map(lambda text: tiers(instrument(max_leverage=Fraction(Decimal(text)))))
sides = st.sampled_from(Side)
prices = st.integers(1, 10_000_000).map(lambda n: Price(Decimal(n) / 100))
sizes = st.integers(1, 1_000_000).map(lambda n: Qty(Decimal(n) / 1_000))
values = st.integers(0, 100_000_000).map(Decimal)
amounts = st.integers(-(10**9), 10**9).map(lambda n: Usd(Decimal(n) / 100))


@st.composite
def stakes(draw: st.DrawFn, side: st.SearchStrategy[Side] = sides) -> Stake:
    """A position as the venue lets it be opened: no larger and no more levered than its tier allows."""
    ladder, size, entry = draw(ladders), draw(sizes), draw(prices)
    highest = max_leverage_for(ladder, size * entry)
    assume(highest >= 1)
    leverage = Fraction(Decimal(draw(st.integers(100, int(highest * 100)))) / 100)
    return Stake(draw(side), size, Usd(size * entry), leverage, ladder)


def entry_of(stake: Stake) -> Price:
    return Price(stake.cost / stake.size)


def mirror(stake: Stake) -> Stake:
    return Stake(stake.side.opposite, stake.size, stake.cost, stake.leverage, stake.tiers)


@given(ladders)
def test_maintenance_margin_is_continuous_at_the_borders(ladder: tuple[RiskTier, ...]) -> None:
    for tier, above in pairwise(ladder):
        below = tier.limit * tier.maintenance_rate - tier.deduction
        assert below == tier.limit * above.maintenance_rate - above.deduction == kept(ladder, tier.limit)


@given(ladders)
def test_tiers_ask_for_more_the_larger_they_are(ladder: tuple[RiskTier, ...]) -> None:
    for tier, above in pairwise(ladder):
        assert tier.number + 1 == above.number
        assert tier.limit < above.limit
        assert tier.max_leverage > above.max_leverage >= 1
        assert tier.initial_rate < above.initial_rate
        assert tier.maintenance_rate < above.maintenance_rate
    assert all(tier.maintenance_rate * tier.max_leverage < 1 for tier in ladder)


@given(ladders, values, values)
def test_maintenance_margin_grows_with_the_value(ladder: tuple[RiskTier, ...], one: Decimal, two: Decimal) -> None:
    assume(one < two)
    assert 0 <= kept(ladder, one) < kept(ladder, two)


@given(ladders, values)
def test_maintenance_margin_is_the_largest_of_the_tiers_lines(ladder: tuple[RiskTier, ...], value: Decimal) -> None:
    assert kept(ladder, value) == max(value * tier.maintenance_rate - tier.deduction for tier in ladder)


@given(stakes())
def test_a_position_that_may_be_opened_holds_more_than_it_must_keep(stake: Stake) -> None:
    mark = entry_of(stake)
    assert initial_margin(stake, mark, TAKER) > maintenance_margin(stake, mark, TAKER) - DUST


@given(stakes())
def test_at_its_liquidation_price_an_isolated_position_has_what_it_must_keep(stake: Stake) -> None:
    price = isolated_liquidation(stake)
    if price is None:
        assert stake.side is Side.LONG
        assert stake.leverage == 1
        return
    equity = entry_margin(stake, TAKER) + unrealised(stake, price)
    assert abs(equity - maintenance_margin(stake, price, TAKER)) < DUST


@given(stakes(), prices)
def test_a_mark_is_beyond_the_liquidation_price_when_less_is_left_than_must_be(stake: Stake, mark: Price) -> None:
    left = entry_margin(stake, TAKER) + unrealised(stake, mark) - maintenance_margin(stake, mark, TAKER)
    assume(abs(left) > DUST)
    assert is_beyond(stake.side, mark, isolated_liquidation(stake)) is (left < 0)


@given(stakes())
def test_liquidation_lies_between_entry_and_bankruptcy(stake: Stake) -> None:
    price = isolated_liquidation(stake)
    assume(price is not None)
    assert price is not None
    sign = stake.side.sign
    assert sign * bankruptcy_price(stake) <= sign * price + DUST
    assert sign * price <= sign * entry_of(stake) + DUST


@given(stakes())
def test_less_leverage_moves_liquidation_away(stake: Stake) -> None:
    assume(stake.leverage > 2)
    lower = Stake(stake.side, stake.size, stake.cost, Fraction(stake.leverage - 1), stake.tiers)
    near, far = isolated_liquidation(stake), isolated_liquidation(lower)
    assert near is not None
    assert far is not None
    assert stake.side.sign * far < stake.side.sign * near


@given(stakes(), prices)
def test_a_short_is_the_mirror_of_a_long(stake: Stake, mark: Price) -> None:
    other = mirror(stake)
    assert unrealised(stake, mark) == -unrealised(other, mark)
    assert abs(bankruptcy_price(stake) + bankruptcy_price(other) - 2 * entry_of(stake)) < DUST
    assert abs(close_fee(stake, TAKER) + close_fee(other, TAKER) - 2 * stake.cost * TAKER) < DUST


@given(stakes())
def test_taken_over_an_isolated_position_loses_all_its_margin_and_no_more(stake: Stake) -> None:
    price = bankruptcy_price(stake)
    lost = unrealised(stake, price) - stake.size * price * TAKER
    assert abs(lost + entry_margin(stake, TAKER)) < DUST


@given(stakes(), amounts)
def test_at_break_even_nothing_is_won_or_lost(stake: Stake, realised: Usd) -> None:
    price = break_even(stake, realised, TAKER)
    assert abs(realised + unrealised(stake, price) - stake.size * price * TAKER) < DUST


def left_of(legs: list[Stake], rest: Usd, mark: Price) -> Decimal:
    return rest + sum((unrealised(leg, mark) - maintenance_margin(leg, mark, TAKER) for leg in legs), ZERO)


@given(sides, st.lists(stakes(), min_size=1, max_size=2), amounts)
def test_at_the_cross_price_the_account_has_what_it_must_keep(side: Side, legs: list[Stake], rest: Usd) -> None:
    price = cross_liquidation(side, legs, rest, TAKER)
    assume(price is not None)
    assert price is not None
    assert abs(left_of(legs, rest, price)) < DUST
    assert left_of(legs, rest, Price(price * (1 - side.sign * Decimal("0.001")))) < 0


@given(sides, st.lists(stakes(), min_size=1, max_size=2), amounts, prices)
def test_between_the_cross_prices_the_account_is_safe(side: Side, legs: list[Stake], rest: Usd, mark: Price) -> None:
    left = left_of(legs, rest, mark)
    assume(abs(left) > DUST)
    edges = {side: cross_liquidation(side, legs, rest, TAKER) for side in Side}
    beyond = any(is_beyond(side, mark, edge) for side, edge in edges.items())
    if left > 0:
        assert not beyond
    elif any(edge is not None for edge in edges.values()):
        assert beyond


@given(st.lists(st.tuples(stakes(), prices), min_size=1, max_size=5), st.integers(-(10**6), 10**6))
def test_a_failed_account_loses_its_balance_and_no_more(held: list[tuple[Stake, Price]], balance: int) -> None:
    keeps = [maintenance_margin(stake, mark, TAKER) for stake, mark in held]
    left = Decimal(balance)
    for (stake, mark), own in zip(held, keeps, strict=True):
        price = takeover_price(stake, mark, Usd(balance * own / sum(keeps)), TAKER)
        left += unrealised(stake, price) - unrealised(stake, mark) - stake.size * price * TAKER
    assert abs(left) < DUST


orders = st.lists(st.builds(Resting, sides, sizes, prices), max_size=6)
held = st.integers(-1_000_000, 1_000_000).map(lambda n: Decimal(n) / 1_000)
borrowed = st.integers(100, 10_000).map(lambda n: Fraction(Decimal(n) / 100))


@given(orders, st.builds(Resting, sides, sizes, prices), held, borrowed)
def test_one_more_order_never_frees_margin(book: list[Resting], more: Resting, size: Decimal, by: Fraction) -> None:
    before, after = (order_margin(b, size, by, TAKER) for b in (book, [*book, more]))
    assert before <= after + DUST


@given(orders, held, borrowed)
def test_orders_hold_no_more_than_all_of_them_would_cost(book: list[Resting], size: Decimal, by: Fraction) -> None:
    assert 0 <= order_margin(book, size, by, TAKER) <= sum((order_cost(o, by, TAKER) for o in book), ZERO) + DUST


@given(stakes())
def test_an_order_that_fills_at_its_price_takes_what_it_held(stake: Stake) -> None:
    price = entry_of(stake)
    cost = order_cost(Resting(stake.side, stake.size, price), stake.leverage, TAKER)
    opened = initial_margin(stake, price, TAKER) + stake.cost * TAKER
    assert abs(cost - opened) < DUST


@given(st.lists(stakes(), max_size=5), st.integers(0, 10**9))
def test_a_wallet_that_covers_entry_margins_survives_every_takeover(stakes: list[Stake], spare: int) -> None:
    wallet = sum((entry_margin(stake, TAKER) for stake in stakes), ZERO) + spare
    for stake in stakes:
        price = bankruptcy_price(stake)
        wallet += unrealised(stake, price) - stake.size * price * TAKER
    assert abs(wallet - spare) < DUST


@given(ladders, values)
def test_a_value_has_one_tier(ladder: tuple[RiskTier, ...], value: Decimal) -> None:
    tier = tier_of(ladder, value)
    assert tier is ladder[-1] or value <= tier.limit
    assert tier is ladder[0] or value > ladder[tier.number - 2].limit
