from decimal import Decimal as D
from uuid import UUID

import pytest

from libs.common.exchange.trading_types import Action, ExecutionType
from libs.common.units import Instant, Price, Qty, Side, Usd
from services.paper_exchange.core.books.changes import Execution, Moment
from services.paper_exchange.core.books.order import InForce, Kind, Order, filled
from services.paper_exchange.core.books.position import Position, Settled, settle
from services.paper_exchange.core.books.receipts import Ticket, closed_part, fill_receipt, funding_receipt, venue_id
from tests.support.scripted_market import BTC

AT = Moment(Instant(50), Instant(90), 7)
TICKET = Ticket(3, "exec-3")


def test_ids_are_uuids_made_of_seed_kind_and_number() -> None:
    ids = {venue_id(seed, kind, number) for seed in (7, 8) for kind in ("order", "execution") for number in (1, 2, 11)}
    assert len(ids) == 12
    assert all(str(UUID(each)) == each for each in ids)
    assert venue_id(7, "order", 1) == venue_id(7, "order", 1)


def test_a_part_that_closed_earned_its_price_less_both_fees_and_its_funding() -> None:
    """The sample of the venue's documentation, whose fees are 0.06 % at both ends."""
    bought, sold, rate = D("3584.9255"), D("3541.795"), D("0.0006")
    position = Position(BTC, side=Side.LONG, size=Qty(D(5)), cost=Usd(bought), entry_fees=Usd(bought * rate))
    order = _order(Action.SELL, "5", "700")
    fee = Usd(sold * rate)
    settled = settle(position, Action.SELL, Qty(D(5)), Price(sold / 5), fee, AT.market)
    receipt = _receipt(filled(order, Qty(D(5)), Price(sold / 5), fee, AT.market), settled, fee)
    part = closed_part(receipt, settled)
    assert round(part.pnl, 5) == D("-47.40653")
    assert (part.entry_value, part.exit_value, part.closed) == (bought, sold, D(5))
    assert (part.entry_fees, part.exit_fees, part.leverage) == (bought * rate, sold * rate, D(10))


def test_a_receipt_repeats_its_order_as_it_is_after_the_fill() -> None:
    order = filled(_order(Action.BUY, "5", "101"), Qty(D(2)), Price(D(100)), Usd(D("0.1")), AT.market)
    settled = settle(Position(BTC), Action.BUY, Qty(D(2)), Price(D(100)), Usd(D("0.1")), AT.market)
    receipt = _receipt(order, settled, Usd(D("0.1")), qty="2", price="100")
    assert (receipt.order_qty, receipt.leaves, receipt.order_price) == (D(5), D(3), D(101))
    assert (receipt.exec_id, receipt.seq, receipt.link_id) == ("exec-3", 3, "mine")
    assert (receipt.at, receipt.wall, receipt.gross, receipt.closed) == (AT.market, AT.wall, D(0), D(0))


def test_an_order_without_a_price_shows_the_one_it_got() -> None:
    order = filled(_order(Action.BUY, "2", None), Qty(D(2)), Price(D(100)), Usd(D(0)), AT.market)
    settled = settle(Position(BTC), Action.BUY, Qty(D(2)), Price(D(100)), Usd(D(0)), AT.market)
    assert _receipt(order, settled, Usd(D(0)), qty="2", price="100").order_price == D(100)


@pytest.mark.parametrize(("side", "action"), [(Side.LONG, Action.BUY), (Side.SHORT, Action.SELL)])
def test_funding_is_a_receipt_without_an_order_for_the_whole_position(side: Side, action: Action) -> None:
    position = Position(BTC, side=side, size=Qty(D(5)), cost=Usd(D(500)))
    receipt = funding_receipt(TICKET, "f-1", position, Usd(D("0.05")), D("0.0001"), Price(D(100)), AT)
    assert (receipt.kind, receipt.action, receipt.qty, receipt.fee) == (ExecutionType.FUNDING, action, D(5), D("0.05"))
    assert (receipt.order_kind, receipt.closed, receipt.gross, receipt.leaves) == (None, D(0), D(0), D(0))
    assert (receipt.price, receipt.mark, receipt.rate) == (D(100), D(100), D("0.0001"))


def _order(action: Action, qty: str, price: str | None) -> Order:
    limit = None if price is None else Price(D(price))
    return Order(
        1, "o", "mine", BTC, action, Kind.LIMIT, Qty(D(qty)), limit, InForce.GTC, Instant(1), Instant(1), Price(D(100))
    )


def _receipt(order: Order, settled: Settled, fee: Usd, *, qty: str = "5", price: str = "708.359") -> Execution:
    return fill_receipt(
        TICKET, order, settled, AT, qty=Qty(D(qty)), price=Price(D(price)), fee=fee, rate=D("0.0006"),
        mark=Price(D(price)), maker=False, kind=ExecutionType.TRADE,
    )  # fmt: skip
