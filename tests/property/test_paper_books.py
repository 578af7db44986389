"""Whatever is ordered and however the market moves, the exchange's books add up to the last digit."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from libs.common.errors import Refused
from libs.common.exchange.trading_types import Action, ExecutionType, OrderStatus
from libs.common.units import ZERO, Fraction, Symbol
from services.paper_exchange.adapters.disk.schema import EXECUTIONS, ORDERS, POSITIONS, TOTALS
from services.paper_exchange.core.books.amounts import plain
from services.paper_exchange.core.books.books import Books, Calm, Saved
from services.paper_exchange.core.books.changes import Executed, Execution, OrderChanged, PositionTold
from services.paper_exchange.core.books.funds import available, equity, maintenance, order_margin, position_margin
from services.paper_exchange.core.books.leg import Leg
from services.paper_exchange.core.books.order import Order, StopKind
from services.paper_exchange.core.dialect.rows import position_row, wallet_row
from tests.support.order_flows import Act, flows, said, tick_of
from tests.support.scripted_market import BTC
from tests.support.trading_floor import Floor


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
            tick = tick_of(floor, one)
            floor.ticks([tick])
            went.path.append(tick.price)
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


@settings(max_examples=150)
@given(flows)
def test_a_position_shows_a_stop_exactly_while_an_order_waits_for_it(flow: list[Act]) -> None:
    books = play(flow).floor.books
    waiting = {
        (order.key, order.stop_kind): order.trigger for order in books.open_orders() if order.guards and order.waits
    }
    for position in books.positions.values():
        open_ = position.side is not None
        for kind, shown in ((StopKind.STOP_LOSS, position.stop), (StopKind.TAKE_PROFIT, position.take_profit)):
            assert waiting.get((position.key, kind)) == (shown if open_ else None), (kind, position)


@settings(max_examples=60)
@given(flows)
def test_equity_is_the_wallet_and_what_closing_at_the_mark_would_win(flow: list[Act]) -> None:
    floor = play(flow).floor
    mark = floor.books.mark[BTC]
    won = sum((signed(row) * (mark - row.price) for row in trades(floor)), ZERO)
    realised = sum((row.gross for row in trades(floor)), ZERO)
    balance = floor.books.totals.balance
    assert equity(floor.books) == balance + won - realised
    row: dict[str, Any] = wallet_row(floor.books)
    (coin,) = row["coin"]
    assert row["totalEquity"] == coin["equity"] == plain(balance + won - realised)
    assert Decimal(coin["equity"]) == Decimal(coin["walletBalance"]) + Decimal(coin["unrealisedPnl"])
    profits = [Decimal(str(position_row(floor.books, p)["unrealisedPnl"])) for p in floor.books.open_positions()]
    assert Decimal(coin["unrealisedPnl"]) == sum(profits, ZERO)


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


@settings(max_examples=50)
@given(flows)
def test_what_is_kept_of_margins_is_what_new_books_would_reckon(flow: list[Act]) -> None:
    books = play(flow).floor.books
    saved = Saved(books.totals, books.account, list(books.positions.values()), books.open_orders())
    fresh = Books.load(saved, books.instruments, books.quotes, books.seed)
    fresh.last, fresh.mark = books.last, books.mark
    for reckon in (available, order_margin, position_margin, maintenance, equity):
        assert reckon(books) == reckon(fresh)
