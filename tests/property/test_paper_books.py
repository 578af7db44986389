"""Whatever is ordered and however the market moves, the exchange's books add up to the last digit."""

from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st

from libs.common.errors import Refused
from libs.common.exchange.trading_types import ExecutionType, OrderStatus
from libs.common.units import ZERO
from services.paper_exchange.adapters.schema import EXECUTIONS, ORDERS, POSITIONS, TOTALS
from services.paper_exchange.core.changes import Executed, Execution, OrderChanged, PositionTold
from services.paper_exchange.core.order import Order, StopKind
from tests.support.trading_floor import BTC_ONLY, Floor

Value: TypeAlias = str | int | bool

tenths: st.SearchStrategy[Value] = st.integers(700, 1300).map(lambda n: str(Decimal(n) / 10))
sizes: st.SearchStrategy[Value] = st.integers(50, 5_000).map(lambda n: str(Decimal(n) / 1_000))
sides: st.SearchStrategy[Value] = st.sampled_from(["Buy", "Sell"])


@dataclass(frozen=True)
class Act:
    path: str
    fields: tuple[tuple[str, Value], ...]


def act(
    path: str, always: dict[str, st.SearchStrategy[Value]], optional: dict[str, st.SearchStrategy[Value]]
) -> st.SearchStrategy[Act]:
    chosen = st.fixed_dictionaries(always, optional=optional)
    return chosen.map(lambda fields: Act(path, tuple(fields.items())))


def order(**more: st.SearchStrategy[Value]) -> st.SearchStrategy[Act]:
    always: dict[str, st.SearchStrategy[Value]] = {
        "side": sides,
        "qty": sizes,
        "orderType": st.sampled_from(["Market", "Limit"]),
        "price": tenths,
    }
    return act("order/create", always, {"stopLoss": tenths, "takeProfit": tenths, "reduceOnly": st.booleans(), **more})


acts = st.one_of(
    order(timeInForce=st.sampled_from(["GTC", "IOC", "FOK", "PostOnly"])),
    order(triggerPrice=tenths, triggerDirection=st.sampled_from([1, 2])),
    act("position/trading-stop", {}, {"stopLoss": tenths, "takeProfit": tenths}),
    st.just(Act("order/cancel-all", ())),
    st.integers(1, 50).map(lambda n: Act("position/set-leverage", (("buyLeverage", str(n)), ("sellLeverage", str(n))))),
    tenths.map(lambda price: Act("tick", (("price", price),))),
    tenths.map(lambda price: Act("tick", (("price", price),))),
    st.sampled_from(["0.0001", "-0.0003"]).map(lambda rate: Act("funding", (("rate", rate),))),
)
flows = st.lists(acts, min_size=1, max_size=40)


def play(flow: list[Act], balance: str = "5000") -> Floor:
    floor = Floor(balance=balance)
    for one in flow:
        fields = dict(one.fields)
        if one.path == "tick":
            floor.moves(str(fields["price"]))
        elif one.path == "funding":
            floor.settles(str(fields["rate"]))
        else:
            before = list(floor.books.journal)
            try:
                floor.asks(one.path, **fields)
            except Refused:
                assert floor.books.journal == before  # what is refused changes nothing
    return floor


def executions(floor: Floor) -> list[Execution]:
    return [change.execution for change in floor.books.journal if isinstance(change, Executed)]


def orders(floor: Floor) -> dict[str, Order]:
    """The last state of every order."""
    return {change.order.order_id: change.order for change in floor.books.journal if isinstance(change, OrderChanged)}


def signed(done: Execution) -> Decimal:
    return done.qty if done.action.value == "Buy" else -done.qty


@settings(max_examples=150)
@given(flows)
def test_the_wallet_is_its_start_and_what_was_realised_less_fees_and_funding(flow: list[Act]) -> None:
    floor = play(flow)
    rows = executions(floor)
    funding = sum((row.fee for row in rows if row.kind is ExecutionType.FUNDING), ZERO)
    fees = sum((row.fee for row in rows if row.kind is not ExecutionType.FUNDING), ZERO)
    gross = sum((row.gross for row in rows), ZERO)
    totals = floor.books.totals
    assert totals.balance == totals.start + gross - fees - funding
    assert (totals.realised, totals.fees, totals.funding) == (gross, fees, funding)


@settings(max_examples=150)
@given(flows)
def test_a_position_is_the_sum_of_its_fills_and_gross_is_price_alone(flow: list[Act]) -> None:
    floor = play(flow)
    rows = [row for row in executions(floor) if row.kind is not ExecutionType.FUNDING]
    position = floor.position
    held = position.size * (position.side.sign if position.side else 0)
    assert held == sum((signed(row) for row in rows), ZERO)
    paid = sum((signed(row) * row.price for row in rows), ZERO)
    cost = position.cost * (position.side.sign if position.side else 0)
    assert sum((row.gross for row in rows), ZERO) == cost - paid


@settings(max_examples=150)
@given(flows)
def test_no_order_is_filled_beyond_what_was_ordered_and_none_changes_after_its_end(flow: list[Act]) -> None:
    floor = play(flow)
    ended: dict[str, Order] = {}
    for change in floor.books.journal:
        if isinstance(change, OrderChanged):
            told = change.order
            assert told.filled <= told.qty
            assert told.order_id not in ended
            if told.status.is_terminal:
                ended[told.order_id] = told
    fills: dict[str, Decimal] = {}
    for row in executions(floor):
        fills[row.order_id] = fills.get(row.order_id, ZERO) + row.qty
    for known in orders(floor).values():
        assert known.filled == fills.get(known.order_id, ZERO)
        assert (known.status is OrderStatus.FILLED) == (known.filled == known.qty)


@settings(max_examples=150)
@given(flows)
def test_reduce_only_never_opens_or_turns_a_position(flow: list[Act]) -> None:
    floor = play(flow)
    known, held = orders(floor), ZERO
    for row in executions(floor):
        if row.kind is ExecutionType.FUNDING:
            continue
        after = held + signed(row)
        if known[row.order_id].reduce_only:
            assert abs(after) < abs(held)
            assert after * held >= 0
        held = after


@settings(max_examples=150)
@given(flows)
def test_a_flat_position_leaves_no_guards_and_an_open_one_has_those_it_says(flow: list[Act]) -> None:
    floor = play(flow)
    stop, target = floor.books.guard(BTC_ONLY, StopKind.STOP_LOSS), floor.books.guard(BTC_ONLY, StopKind.TAKE_PROFIT)
    position = floor.position
    assert (stop.trigger if stop else None, target.trigger if target else None) == (
        position.stop,
        position.take_profit,
    )
    assert not (position.side is None and (stop or target))
    assert (BTC_ONLY in floor.books.naked) == (position.side is not None and position.stop is None)


@settings(max_examples=150)
@given(flows)
def test_nothing_fills_outside_the_path_but_by_the_spread(flow: list[Act]) -> None:
    floor = play(flow)
    prices = [Decimal(100)] + [Decimal(str(dict(one.fields)["price"])) for one in flow if one.path == "tick"]
    low, high = min(prices), max(prices)
    for row in executions(floor):
        if row.kind is ExecutionType.TRADE:
            assert low - Decimal("0.2") <= row.price <= high + Decimal("0.2")


@settings(max_examples=50)
@given(flows)
def test_the_same_flow_gives_the_same_books(flow: list[Act]) -> None:
    assert play(flow).books.journal == play(flow).books.journal


@settings(max_examples=50)
@given(flows)
def test_what_is_written_down_reads_back_the_same(flow: list[Act]) -> None:
    for change in play(flow).books.journal:
        match change:
            case OrderChanged(kept):
                assert ORDERS.read(ORDERS.write(kept)) == kept
            case Executed(kept_fill):
                assert EXECUTIONS.read(EXECUTIONS.write(kept_fill)) == kept_fill
            case PositionTold(position):
                assert POSITIONS.read(POSITIONS.write(position)) == position
    totals = play(flow).books.totals
    assert TOTALS.read(TOTALS.write(totals)) == totals
