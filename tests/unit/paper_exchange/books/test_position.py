from dataclasses import replace
from decimal import Decimal as D

import pytest

from libs.common.errors import Fatal
from libs.common.exchange.trading_types import Action
from libs.common.units import Instant, Price, Qty, Side, Usd
from services.paper_exchange.core.books.leg import Leg
from services.paper_exchange.core.books.position import MOVES, Move, Position, Trailing, settle
from tests.support.scripted_market import BTC

LONG = Position(
    BTC,
    side=Side.LONG,
    size=Qty(D(2)),
    cost=Usd(D(200)),
    stop=Price(D(90)),
    entry_fees=Usd(D(2)),
    funding=Usd(D(1)),
)


def test_a_fill_on_its_side_grows_it_and_keeps_its_stop() -> None:
    after = settle(LONG, Action.BUY, Qty(D(1)), Price(D(130)), Usd(D("0.5")), Instant(5)).position
    assert (after.size, after.cost, after.entry, after.stop) == (D(3), D(330), D(110), D(90))
    assert after.entry_fees == D("2.5")


def test_a_fill_against_it_realises_profit_and_releases_its_share() -> None:
    settled = settle(LONG, Action.SELL, Qty(D(1)), Price(D(110)), Usd(D("0.5")), Instant(5))
    assert (settled.closed, settled.gross, settled.released) == (D(1), D(10), D(100))
    assert (settled.entry_fees, settled.exit_fees, settled.funding) == (D(1), D("0.5"), D("0.5"))
    assert (settled.position.size, settled.position.entry, settled.position.stop) == (D(1), D(100), D(90))


def test_the_last_fill_leaves_it_flat_without_a_stop() -> None:
    after = settle(LONG, Action.SELL, Qty(D(2)), Price(D(110)), Usd(D(0)), Instant(5)).position
    assert (after.side, after.size, after.cost, after.stop) == (None, D(0), D(0), None)


def test_more_than_it_holds_turns_it_at_the_fill_s_price() -> None:
    settled = settle(LONG, Action.SELL, Qty(D(5)), Price(D(110)), Usd(D(5)), Instant(7))
    after = settled.position
    assert (after.side, after.size, after.entry, after.opened_at) == (Side.SHORT, D(3), D(110), Instant(7))
    assert (settled.gross, settled.exit_fees, after.entry_fees) == (D(20), D(2), D(3))


@pytest.mark.parametrize("side", [None, *Side])
@pytest.mark.parametrize("action", list(Action))
@pytest.mark.parametrize("move", list(Move))
def test_only_what_the_table_has_can_happen(side: Side | None, action: Action, move: Move) -> None:
    lawful = (side, action, move) in MOVES
    opens = side is None
    grows = side is not None and action is Action.opening(side)
    fitting = {Move.OPEN} if opens else {Move.GROW} if grows else {Move.SHRINK, Move.CLOSE, Move.TURN}
    assert lawful is (move in fitting)


@pytest.mark.parametrize(("leg", "action"), [(Leg.LONG, Action.SELL), (Leg.SHORT, Action.BUY)])
def test_a_leg_of_hedge_mode_neither_opens_the_other_way_nor_turns(leg: Leg, action: Action) -> None:
    with pytest.raises(Fatal, match="cannot be opened"):
        settle(Position(BTC, leg), action, Qty(D(1)), Price(D(100)), Usd(D(0)), Instant(5))
    held = replace(LONG, leg=leg, side=leg.side)
    with pytest.raises(Fatal, match="cannot be turned"):
        settle(held, action, Qty(D(3)), Price(D(100)), Usd(D(0)), Instant(5))


@pytest.mark.parametrize(
    ("stop", "best", "live"), [("90", None, "90"), (None, "110", "105"), ("106", "110", "106"), (None, None, None)]
)
def test_the_live_stop_is_the_tighter_of_the_stop_loss_and_the_trailing_stop(
    stop: str | None, best: str | None, live: str | None
) -> None:
    trailing = Trailing(Price(D(5)), best=None if best is None else Price(D(best)))
    held = replace(LONG, stop=None if stop is None else Price(D(stop)), trailing=trailing)
    assert held.live_stop == (None if live is None else D(live))
