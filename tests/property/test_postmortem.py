"""The invariants of services/postmortem/core, over any trade."""

from decimal import Decimal, localcontext

from hypothesis import given
from hypothesis import strategies as st

from libs.common.contracts.postmortems import Decomposition
from libs.common.contracts.trades import CloseReason, TradeClosed
from libs.common.units import Side
from services.postmortem.core.case import open_case
from services.postmortem.core.category import categorise
from services.postmortem.core.decomposition import CENT, decompose
from services.postmortem.core.severity import ORDER, judge_severity
from services.postmortem.core.summary import EXACT
from tests.support.trades import decision, leave, trade

prices = st.decimals("0.000001", "99999", places=6).map(str)
quantities = st.decimals("0.001", "10000", places=3).map(str)
money = st.decimals("-1000", "1000", places=8).map(str)


@st.composite
def trades(draw: st.DrawFn, *, books_agree: bool = False) -> TradeClosed:
    entry, fills = draw(prices), draw(st.lists(st.tuples(quantities, prices), min_size=1, max_size=5))
    return trade(
        side=draw(st.sampled_from(Side)),
        entry=entry,
        qty=str(sum((Decimal(qty) for qty, _ in fills), Decimal(0))),
        exits=tuple(leave(qty, price, hours=hour) for hour, (qty, price) in enumerate(fills)),
        fees=draw(money),
        funding=draw(money),
        gross=None if books_agree else draw(st.none() | money),
        close_reason=draw(st.sampled_from(CloseReason)),
        initial_stop=draw(st.none() | prices),
        last_stop=draw(st.none() | prices),
        margin=draw(quantities),
        equity=draw(st.none() | quantities),
        naked_ms=draw(st.integers(0, 5_000)),
        decided=decision(price=draw(prices)),
        adopted=draw(st.booleans()),
    )


def total(parts: Decomposition) -> Decimal:
    with localcontext(EXACT):
        return sum((value for value in dict(parts).values()), Decimal(0))


@given(trades())
def test_the_parts_and_the_residue_sum_to_the_result_exactly(closed: TradeClosed) -> None:
    parts = decompose(closed)
    assert total(parts) == closed.pnl_usd
    assert parts.residue == 0 or abs(parts.residue) >= CENT


@given(trades(books_agree=True))
def test_nothing_is_left_over_where_the_fills_account_for_everything(closed: TradeClosed) -> None:
    assert decompose(closed).residue == 0


@given(trades().filter(lambda closed: closed.pnl_usd < Decimal("-0.01")))
def test_every_loss_has_a_category_and_no_category_twice(closed: TradeClosed) -> None:
    named = [finding.category for finding in categorise(open_case(closed))]
    assert named
    assert len(named) == len(set(named))


@given(trades().filter(lambda closed: closed.pnl_usd < Decimal("-0.01")), st.decimals("0", "1000", places=4))
def test_a_bigger_loss_is_never_less_severe(closed: TradeClosed, more: Decimal) -> None:
    worse = closed.model_copy(update={"pnl_usd": closed.pnl_usd - more})
    assert ORDER.index(judge_severity(open_case(worse))[0]) >= ORDER.index(judge_severity(open_case(closed))[0])
