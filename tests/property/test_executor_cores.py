"""Invariants of the executor's cores, for any history a venue or a market can come up with."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from libs.common.contracts.recovery import Phase, RecoveryAction
from libs.common.exchange.memory import instrument
from libs.common.exchange.trading_types import Action, ExecutionType
from libs.common.units import Fraction, Price, Qty, Side, Symbol, Usd
from services.executor.core.order import TRANSITIONS, OrderEvent, OrderState
from services.executor.core.position import Booked, fold
from services.executor.core.reconcile import match
from services.executor.core.recovery import Found, Saved, plan
from services.executor.core.sizing import Risk, Sized, size
from services.executor.core.stops import is_tighter, tighter
from services.executor.core.trades import Ending, trade
from tests.support import builders
from tests.support.executions import execution
from tests.support.matches import at_venue, held

D = Decimal
SYMBOLS = [Symbol("BTCUSDT"), Symbol("ETHUSDT"), Symbol("SOLUSDT")]
sides = st.sampled_from(list(Side))
prices = st.decimals("0.01", "100000", places=2).map(Price)
ticks = st.sampled_from(["0.01", "0.05", "0.1", "1"]).map(lambda t: Price(D(t)))


@given(sides, ticks, st.lists(prices, min_size=1, max_size=40))
def test_a_stop_never_loosens(side: Side, tick: Price, wishes: list[Price]) -> None:
    stop: Price | None = None
    for wish in wishes:
        moved = tighter(side, wish, stop, tick)
        assert moved is None or is_tighter(side, moved, stop)
        stop = moved if moved is not None else stop


_quantities = st.sampled_from(["0.5", "1", "2.5"])


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Saved, Found]:
    ledger = {s: held(s, draw(sides), draw(_quantities)) for s in SYMBOLS if draw(st.booleans())}
    venue = [at_venue(s, draw(sides), draw(_quantities)) for s in SYMBOLS if draw(st.booleans())]
    some = st.frozensets(st.sampled_from(SYMBOLS), max_size=2)
    found = Found(match(ledger, venue, draw(some)), draw(st.booleans()), draw(some), draw(some))
    return Saved(bool(ledger), draw(st.booleans()), draw(some)), found


@given(pairs(), st.sampled_from(["adopt", "review"]))
def test_every_pair_of_saved_and_actual_states_has_one_action(pair: tuple[Saved, Found], foreign: str) -> None:
    saved, found = pair
    recovery = plan(saved, found, foreign="review" if foreign == "review" else "adopt")
    assert recovery.action in RecoveryAction
    assert bool(recovery.reviews) == (recovery.action is RecoveryAction.MANUAL_REVIEW_NEEDED)
    if recovery.action is RecoveryAction.MANUAL_REVIEW_NEEDED:
        assert recovery.phase is Phase.SEEKING_ENTRY
        assert recovery.findings
    else:
        open_there = any(m.venue is not None for m in found.matches)
        assert (recovery.phase is Phase.MANAGING_POSITIONS) == open_there
    assert plan(saved, found, foreign="review" if foreign == "review" else "adopt") == recovery


@given(st.lists(st.sampled_from(list(OrderEvent)), max_size=20))
def test_once_filled_an_order_stays_filled_unless_it_turns_out_not_to_be_ours(events: list[OrderEvent]) -> None:
    state = OrderState.SUBMITTING
    filled = False
    for event in events:
        if (state, event) not in TRANSITIONS:
            continue
        state = TRANSITIONS[state, event]
        assert not filled or state is OrderState.FILLED or event is OrderEvent.CONTRADICTED
        filled = state is OrderState.FILLED


@st.composite
def histories(draw: st.DrawFn) -> list[Booked]:
    """A venue's honest history of one symbol: opens, closes in parts, funding while open, again and again."""
    rows: list[Booked] = []
    size_now, side = D(0), Side.LONG
    for number in range(1, draw(st.integers(2, 14))):
        price = str(draw(prices))
        fee = Usd(draw(st.decimals("0", "3", places=8)))
        if size_now and draw(st.integers(0, 3)) == 0:
            kind = ExecutionType.FUNDING
            rows.append(Booked(execution(number, Action.BUY, "1", price, kind=kind, fee=Usd(fee - 1))))
            continue
        if not size_now:
            side = draw(sides)
        opening = not size_now or draw(st.booleans())
        qty = D(draw(_quantities)) if opening else min(D(draw(_quantities)), size_now)
        action = Action.opening(side) if opening else Action.closing(side)
        closed = Qty(D(0) if opening else qty)
        rows.append(Booked(execution(number, action, str(qty), price, fee=fee, closed_qty=closed)))
        size_now += qty if opening else -qty
    return rows


@given(histories(), st.randoms(use_true_random=False))
def test_trips_do_not_depend_on_the_order_of_arrival(history: list[Booked], dice: object) -> None:
    shuffled = list(history)
    dice.shuffle(shuffled)  # type: ignore[attr-defined]
    assert fold(shuffled) == fold(history)


@given(histories())
def test_trades_add_up_to_what_the_venue_moved(history: list[Booked]) -> None:
    folded = fold(history)
    cash = fees = funding = D(0)
    for row in history:
        done = row.execution
        if done.kind is ExecutionType.FUNDING:
            funding += done.fee
        else:
            cash += done.qty * done.price * (-1 if done.action is Action.BUY else 1)
            fees += done.fee
    ending = Ending(builders.open_position(), None, None, 0, "")
    closed = [trade(trip, ending, {}) for trip in folded.trips if trip.closed_at is not None]
    assert all(t.pnl_usd == t.gross - t.fees - t.funding for t in closed)
    left = [t for t in folded.trips if t.closed_at is None]
    open_cash = sum((t.side.sign * (t.exit_value - t.entry_value) for t in left), D(0))
    assert sum((t.gross for t in closed), D(0)) + open_cash == cash
    assert sum((t.fees for t in folded.trips), D(0)) == fees
    assert sum((t.funding for t in folded.trips), D(0)) == funding


@given(
    sides,
    st.decimals("1", "90000", places=1).map(Price),
    st.decimals("0.01", "20", places=2),
    st.decimals("1", "100000", places=2).map(Usd),
    st.integers(1, 25),
)
def test_a_first_stop_never_risks_more_than_was_agreed(
    side: Side, price: Price, atr_per_cent: Decimal, equity: Usd, leverage: int
) -> None:
    risk = Risk(Fraction(D("0.01")), Fraction(D(2)), Fraction(D(leverage)), 5)
    listed = replace(instrument("BTCUSDT"), tick=Price(D("0.01")))
    atr = Price(price * atr_per_cent / 100)
    sized = size(side, price, atr, listed, risk, equity=equity, free_margin=equity, multiplier=Fraction(D(1)))
    if isinstance(sized, Sized):
        assert abs(price - sized.stop) * sized.qty <= equity * D("0.01")
        assert price * D("0.003") <= abs(price - sized.stop) <= price * D("0.1")
        assert sized.margin <= equity / 5
