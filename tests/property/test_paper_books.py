"""Whatever is ordered and however the market moves, the exchange's books add up to the last digit."""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st

from libs.common.errors import Refused
from libs.common.exchange.trading_types import Action, ExecutionType, OrderStatus
from libs.common.units import ZERO, Fraction, Price, Qty, Side, Symbol
from services.paper_exchange.adapters.schema import EXECUTIONS, ORDERS, POSITIONS, TOTALS
from services.paper_exchange.core.amounts import money, plain
from services.paper_exchange.core.books import Calm
from services.paper_exchange.core.changes import Executed, Execution, MarginMode, OrderChanged, PositionTold
from services.paper_exchange.core.funds import equity
from services.paper_exchange.core.leg import Leg
from services.paper_exchange.core.order import Order, StopKind
from services.paper_exchange.core.rows import wallet_row
from tests.support.scripted_market import BTC, prices
from tests.support.trading_floor import Floor

Value: TypeAlias = str | int | bool
Values: TypeAlias = st.SearchStrategy[Value]

near: Values = st.integers(-40, 40)  # tenths from the last price
far: Values = st.integers(-5, 120)  # tenths on the right side of it, mostly
sizes: Values = st.integers(50, 5_000).map(lambda n: str(Decimal(n) / 1_000))
sides: Values = st.sampled_from(["Buy", "Sell"])
triggers: Values = st.sampled_from(["LastPrice", "MarkPrice"])
names: Values = st.sampled_from(["a", "b", "c", "d", "e", "f"])
covers: Values = st.sampled_from(["Full", "Partial"])
legs: Values = st.sampled_from([1, 2])  # 0 in one-way mode


@dataclass(frozen=True)
class Act:
    path: str
    fields: tuple[tuple[str, Value], ...]


def act(path: str, always: dict[str, Values], optional: dict[str, Values]) -> st.SearchStrategy[Act]:
    chosen = st.fixed_dictionaries(always, optional=optional)
    return chosen.map(lambda fields: Act(path, tuple(fields.items())))


def order(kind: str, **more: Values) -> st.SearchStrategy[Act]:
    always: dict[str, Values] = {"side": sides, "qty": sizes, "orderType": st.just(kind), "positionIdx": legs, **more}
    optional: dict[str, Values] = {
        "stopLoss": far,
        "takeProfit": far,
        "slTriggerBy": triggers,
        "tpslMode": covers,
        "orderLinkId": names,
    }
    return act("order/create", always, optional)


ticks = act("tick", {"price": st.integers(-60, 60), "mark": near, "volume": st.integers(0, 3)}, {})
acts = st.one_of(
    order("Market"),
    order("Market", reduceOnly=st.just(value=True)),
    order("Market", slippageToleranceType=st.just("Percent"), slippageTolerance=st.sampled_from(["0.1", "5"])),
    order("Limit", price=near, timeInForce=st.sampled_from(["GTC", "GTC", "IOC", "FOK", "PostOnly"])),
    order("Market", triggerPrice=near, triggerBy=triggers, closeOnTrigger=st.booleans()),
    order("Limit", triggerPrice=near, price=near, triggerBy=triggers, reduceOnly=st.booleans()),
    act(
        "position/trading-stop",
        {"positionIdx": legs, "tpslMode": covers},
        {"stopLoss": far, "takeProfit": far, "tpSize": st.just("0.1"), "slSize": st.just("0.1")},
    ),
    act("position/trading-stop", {"positionIdx": legs, "trailingStop": st.sampled_from(["0", "1", "2.5"])}, {}),
    act("order/amend", {"orderLinkId": names}, {"qty": sizes, "price": near, "triggerPrice": near}),
    act("order/cancel", {"orderLinkId": names}, {}),
    st.just(Act("order/cancel-all", ())),
    st.integers(1, 50).map(lambda n: Act("position/set-leverage", (("buyLeverage", str(n)), ("sellLeverage", str(n))))),
    st.sampled_from(list(MarginMode)).map(
        lambda mode: Act("account/set-margin-mode", (("setMarginMode", mode.value),))
    ),
    ticks,
    ticks,
    ticks,
    ticks,
    st.sampled_from(["0.0001", "-0.0003"]).map(lambda rate: Act("funding", (("rate", rate),))),
)
modes: st.SearchStrategy[list[Act]] = st.sampled_from([[], [Act("position/switch-mode", (("mode", 3),))]])
flows = st.builds(lambda mode, rest: mode + rest, modes, st.lists(acts, min_size=25, max_size=60))


def said(floor: Floor, one: Act) -> dict[str, Value]:
    """The fields of a request, with prices where the market is and the leg of the mode that it is in."""
    fields, last = dict(one.fields), floor.books.last[BTC]
    if "positionIdx" in fields and BTC not in floor.books.account.hedged:
        fields["positionIdx"] = 0
    position = floor.books.position(BTC, Leg(int(fields.get("positionIdx", 0))))
    buys = fields.get("side") == "Buy" if "side" in fields else position.side is not Side.SHORT
    for name, up in (("stopLoss", not buys), ("takeProfit", buys)):
        if name in fields:
            fields[name] = str(last + Decimal(int(fields[name])) / 10 * (1 if up else -1))
    for name in ("price", "triggerPrice"):
        if name in fields:
            fields[name] = str(last + Decimal(int(fields[name])) / 10)
    if "triggerPrice" in fields and one.path == "order/create":
        fields["triggerDirection"] = 1 if Decimal(str(fields["triggerPrice"])) > last else 2
    return fields


@dataclass
class Play:
    """A flow as it went: the floor after it, and the last price at which every execution happened."""

    floor: Floor
    path: list[Decimal]
    at: list[Decimal]


def play(flow: list[Act], balance: str = "5000", scarcity: str = "1") -> Play:
    floor = Floor(balance=balance)
    floor.books.scarcity = lambda _order: Fraction(Decimal(scarcity))
    return replay(floor, flow)


def replay(floor: Floor, flow: list[Act]) -> Play:
    went = Play(floor, [Decimal(100)], [])
    for one in flow:
        if one.path == "tick":
            went.path.append(ticked(floor, **{name: int(value) for name, value in one.fields}))
        elif one.path == "funding":
            floor.settles(str(dict(one.fields)["rate"]))
        else:
            before = list(floor.books.journal)
            try:
                floor.asks(one.path, **said(floor, one))
            except Refused:
                assert floor.books.journal == before  # what is refused changes nothing
        went.at += [floor.books.last[BTC]] * (len(floor.fills) - len(went.at))
    return went


def ticked(floor: Floor, price: int, mark: int, volume: int) -> Decimal:
    """Let the market move by `price` tenths, its mark `mark` tenths beside; return where it is."""
    now = max(Decimal(20), floor.books.last[BTC] + Decimal(price) / 10)
    (tick,) = prices(str(now), after=floor.now.market)
    floor.ticks([replace(tick, mark=Price(now + Decimal(mark) / 20), volume=Qty(Decimal(volume)))])
    return now


def executions(floor: Floor) -> list[Execution]:
    return [change.execution for change in floor.books.journal if isinstance(change, Executed)]


def orders(floor: Floor) -> dict[str, Order]:
    """The last state of every order."""
    return {change.order.order_id: change.order for change in floor.books.journal if isinstance(change, OrderChanged)}


def signed(done: Execution) -> Decimal:
    return done.qty if done.action is Action.BUY else -done.qty


def trades(floor: Floor, leg: Leg | None = None) -> list[Execution]:
    """Fills, of one leg or of all, without funding."""
    return [
        row for row in executions(floor) if row.kind is not ExecutionType.FUNDING and (leg is None or row.leg is leg)
    ]


@settings(max_examples=60)
@given(flows)
def test_the_wallet_is_its_start_and_what_was_realised_less_fees_and_funding(flow: list[Act]) -> None:
    floor = play(flow).floor
    rows = executions(floor)
    funding = sum((row.fee for row in rows if row.kind is ExecutionType.FUNDING), ZERO)
    fees = sum((row.fee for row in rows if row.kind is not ExecutionType.FUNDING), ZERO)
    gross = sum((row.gross for row in rows), ZERO)
    totals = floor.books.totals
    assert totals.balance == totals.start + gross - fees - funding
    assert (totals.realised, totals.fees, totals.funding) == (gross, fees, funding)


@settings(max_examples=60)
@given(flows)
def test_equity_is_the_wallet_and_what_closing_at_the_mark_would_win(flow: list[Act]) -> None:
    floor = play(flow).floor
    mark = floor.books.mark[BTC]
    won = sum((signed(row) * (mark - row.price) for row in trades(floor)), ZERO)
    realised = sum((row.gross for row in trades(floor)), ZERO)
    balance = floor.books.totals.balance
    assert equity(floor.books) == balance + won - realised
    row = wallet_row(floor.books)
    assert row["totalEquity"] == plain(money(balance + won - realised))


@settings(max_examples=60)
@given(flows)
def test_a_position_is_the_sum_of_its_fills_and_gross_is_price_alone(flow: list[Act]) -> None:
    floor = play(flow).floor
    for leg in Leg:
        rows, position = trades(floor, leg), floor.books.position(BTC, leg)
        assert position.signed == sum((signed(row) for row in rows), ZERO)
        paid = sum((signed(row) * row.price for row in rows), ZERO)
        cost = position.cost * (position.side.sign if position.side else 0)
        assert sum((row.gross for row in rows), ZERO) == cost - paid
        assert leg.side is None or position.side in {None, leg.side}


@settings(max_examples=60)
@given(flows, st.sampled_from(["1", "0.4"]))
def test_no_order_is_filled_beyond_what_was_ordered_and_none_changes_after_its_end(
    flow: list[Act], scarcity: str
) -> None:
    floor = play(flow, scarcity=scarcity).floor
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


@settings(max_examples=60)
@given(flows)
def test_reduce_only_never_opens_or_turns_a_position(flow: list[Act]) -> None:
    floor = play(flow).floor
    known = orders(floor)
    for leg in Leg:
        held = ZERO
        for row in trades(floor, leg):
            after = held + signed(row)
            if known[row.order_id].reduces:
                assert abs(after) < abs(held)
                assert after * held >= 0
            held = after


@settings(max_examples=60)
@given(flows)
def test_a_flat_position_leaves_no_guards_and_an_open_one_has_those_it_says(flow: list[Act]) -> None:
    floor = play(flow).floor
    for leg in Leg:
        key, position = (BTC, leg), floor.books.position(BTC, leg)
        level = position.trailing.level(position.side) if position.trailing and position.side else None
        wanted = {
            StopKind.STOP_LOSS: position.stop,
            StopKind.TAKE_PROFIT: position.take_profit,
            StopKind.TRAILING: level,
        }
        for kind, price in wanted.items():
            guard = floor.books.guard(key, kind)
            assert (guard.trigger if guard else None) == price
        assert not (position.side is None and floor.books.guards(key))
        assert (key in floor.books.naked) == (position.side is not None and position.live_stop is None)


@settings(max_examples=60)
@given(flows)
def test_nothing_fills_outside_the_path_and_no_taker_better_than_the_touch(flow: list[Act]) -> None:
    went = play(flow)
    for row, last in zip(executions(went.floor), went.at, strict=True):
        if row.kind is not ExecutionType.TRADE:
            continue
        if row.maker:
            assert min(went.path) <= row.price <= max(went.path)
        else:
            assert row.price > last if row.action is Action.BUY else row.price < last


@settings(max_examples=60)
@given(flows)
def test_no_taker_pays_beyond_the_price_of_its_order(flow: list[Act]) -> None:
    for row in trades(play(flow).floor):
        if row.kind is ExecutionType.TRADE:
            assert row.price <= row.order_price if row.action is Action.BUY else row.price >= row.order_price


@settings(max_examples=50)
@given(flows)
def test_an_isolated_account_is_never_ruined_by_a_liquidation(flow: list[Act]) -> None:
    """Isolated positions lose what they held and no more, so the wallet pays for them all."""
    isolated = [one for one in flow if one.path != "account/set-margin-mode" and one.path != "funding"]
    assert play(isolated, balance="60").floor.books.totals.balance >= 0


@settings(max_examples=50)
@given(flows)
def test_a_calm_tick_would_have_done_nothing(flow: list[Act]) -> None:
    """Skipping ticks between the nearest prices of interest is only a shortcut: without it the books are the same."""

    class NeverCalm(dict[Symbol, Calm]):
        def __setitem__(self, _symbol: Symbol, _calm: Calm) -> None:
            pass

    quick, slow = play(flow).floor, Floor(balance="5000")
    slow.books.calm = NeverCalm()
    replay(slow, flow)
    assert quick.books.journal == slow.books.journal


@settings(max_examples=50)
@given(flows)
def test_the_same_flow_gives_the_same_books(flow: list[Act]) -> None:
    assert play(flow).floor.books.journal == play(flow).floor.books.journal


@settings(max_examples=50)
@given(flows)
def test_what_is_written_down_reads_back_the_same(flow: list[Act]) -> None:
    for change in play(flow).floor.books.journal:
        match change:
            case OrderChanged(kept):
                assert ORDERS.read(ORDERS.write(kept)) == kept
            case Executed(kept_fill):
                assert EXECUTIONS.read(EXECUTIONS.write(kept_fill)) == kept_fill
            case PositionTold(position):
                assert POSITIONS.read(POSITIONS.write(position)) == position
    totals = play(flow).floor.books.totals
    assert TOTALS.read(TOTALS.write(totals)) == totals
