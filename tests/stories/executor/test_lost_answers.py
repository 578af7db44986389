"""The venue heard us and we did not hear it, or the other way round: nothing is guessed, nothing is sent twice."""

from decimal import Decimal
from pathlib import Path

import pytest

from libs.common.contracts.orders import OrderUnknown
from libs.common.exchange.memory_faults import Answer, LostReply, LostRequest, PartlyFilled
from libs.common.units import Instant, Qty
from services.executor.core.order import OrderState
from tests.support.trading_room import BTC, SLOT, Room, Running, signal

D = Decimal


@pytest.fixture
async def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


@pytest.fixture
async def desk(room: Room) -> Running:
    return await room.executor().ready()


def state(desk: Running, link_id: str) -> OrderState:
    with desk.desk.ledger.read() as pages:
        intent = pages.intent(link_id)
    assert intent is not None
    return intent.state


async def test_a_reply_that_was_lost_after_the_order_was_accepted_is_looked_up(room: Room, desk: Running) -> None:
    """hummingbot#6901, hummingbot#6996: a time-out is no failure; the order was live."""
    room.venue.script(LostReply())
    async with desk.listening():
        await desk.gets(signal())
        position = desk.opened().position
    assert room.created() == [position.position_id]
    assert state(desk, position.position_id) is OrderState.FILLED


async def test_a_reply_that_was_lost_is_looked_up_without_any_frame(room: Room, desk: Running) -> None:
    """LEAN.TradeStation#101: the frames were dropped too; REST finds the order and its fills."""
    room.venue.script(LostReply())
    await desk.gets(signal())
    assert desk.opened().position.qty > 0
    assert len(room.created()) == 1


async def test_a_request_that_never_arrived_is_sent_again_under_the_same_name(room: Room, desk: Running) -> None:
    """banbot PR#178: ask by orderLinkId, then send again with the same one, and only with that."""
    room.venue.script(LostRequest())
    async with desk.listening():
        await desk.gets(signal())
        assert desk.open() is None
        link_id = room.venue.asked[-1].link_id
        await desk.waits_for(desk.executor.reconciler.finish())
        room.clock.advance(11)
        await desk.waits_for(desk.executor.reconciler.finish())
        assert desk.opened().position.position_id == link_id
    creates = [asked for asked in room.venue.asked if asked.what == "create"]
    assert {asked.link_id for asked in creates} == {link_id}
    assert room.created() == [link_id]


async def test_while_an_order_is_unknown_its_slot_and_margin_are_taken_and_the_operator_is_told(
    room: Room, desk: Running
) -> None:
    """nautilus#4152: never reject what may be live."""
    room.venue.script(LostRequest())
    await desk.gets(signal(valid_until=Instant(SLOT + 1)))
    with desk.desk.ledger.read() as pages:
        [unknown] = [i for i in pages.live_intents() if i.is_entry]
    assert unknown.state in {OrderState.UNKNOWN, OrderState.PLANNED}
    assert room.told(OrderUnknown)
    await desk.gets(signal(n=1))
    assert desk.declined()[-1:] == ["taken"]


async def test_an_order_that_exists_already_is_ours(room: Room, desk: Running) -> None:
    """nautilus#4215: ccxt maps 110072 to InvalidOrder, and a naive client calls an accepted order rejected."""
    room.venue.script(LostReply(), Answer(110072, "OrderLinkedID is duplicate"))
    async with desk.listening():
        await desk.gets(signal())
        await desk.gets(signal())
    assert len(room.created()) == 1
    assert len(desk.positions()) == 1
    assert desk.desk.counts["duplicates_prevented"] == 1


async def test_too_many_visits_means_the_same_order_a_little_later(room: Room, desk: Running) -> None:
    room.venue.script(Answer(10006, "Too many visits!"))
    async with desk.listening():
        await desk.gets(signal())
        assert desk.opened().position.position_id == room.created()[0]
    assert [a.link_id for a in room.venue.asked if a.what == "create"] == room.created() * 2


async def test_a_refusal_for_good_spends_the_slot_and_opens_nothing(room: Room, desk: Running) -> None:
    room.venue.script(Answer(110007, "ab not enough for new order"))
    await desk.gets(signal())
    assert state(desk, room.venue.asked[-1].link_id) is OrderState.REFUSED
    await desk.gets(signal())
    assert room.created() == []
    assert desk.open() is None


async def test_a_partly_filled_market_order_is_a_smaller_position_with_its_stop(room: Room, desk: Running) -> None:
    room.venue.script(PartlyFilled(Qty(D("0.001"))))
    async with desk.listening():
        await desk.gets(signal())
        position = desk.opened().position
    assert position.qty == D("0.001")
    assert position.stop is not None
    assert state(desk, position.position_id) is OrderState.CANCELLED  # its unfillable rest


async def test_a_frame_lost_on_a_healthy_stream_is_found(room: Room, desk: Running) -> None:
    """LEAN.IB#249, LEAN.TradeStation#101: one dropped frame, and the fill was never known."""
    async with desk.listening():
        room.venue.lose_frames(10)
        await desk.gets(signal())
        assert desk.opened().position.qty > 0
        room.venue.lose_frames(10)
        room.venue.set_price(BTC, "90000")
        assert desk.open() is not None
        await desk.looks_round()
    assert desk.open() is None
    assert len(room.trades()) == 1


async def test_frames_that_come_twice_count_once(room: Room, desk: Running) -> None:
    """ccxt#27863: duplicate messages."""
    async with desk.listening():
        await desk.gets(signal())
    before = desk.opened()
    desk.executor.books.book(room.venue.books.executions)
    assert desk.opened() == before
    with desk.desk.ledger.read() as pages:
        assert pages.execution_count() == len(room.venue.books.executions)


async def test_funding_among_the_executions_is_no_fill(room: Room, desk: Running) -> None:
    """ccxt#17244, nautilus#4937: execType Funding arrives as a trade and inflates the position."""
    async with desk.listening():
        await desk.gets(signal())
        qty = desk.opened().position.qty
        room.venue.settle_funding(BTC, "0.0001")
        await desk.settled()
        assert desk.opened().position.qty == qty
        room.venue.set_price(BTC, "90000")
        await desk.settled()
        await desk.looks_round()
    [trade] = room.trades().values()
    assert trade.funding == qty * 100000 * D("0.0001")
    assert trade.pnl_usd == trade.gross - trade.fees - trade.funding
    assert room.venue.books.balance == D(room.balance) + trade.pnl_usd
