"""A day at the desk: from signal to trade, in a trader's words."""

from decimal import Decimal
from pathlib import Path

import pytest

from libs.common.contracts.positions import PositionClosed, PositionOpened
from libs.common.contracts.trades import CloseReason
from libs.common.exchange.trading_types import Action
from libs.common.units import Side
from tests.support.trading_room import BTC, Room, signal


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


async def test_a_signal_becomes_a_position_with_a_stop_and_a_stop_becomes_a_trade(room: Room) -> None:
    desk = await room.executor().starts()
    async with desk.listening():
        await desk.gets(signal())
        position = desk.opened().position
        assert position.side is Side.LONG
        assert position.stop == Decimal("98000.0")
        assert room.venue.books.holdings[BTC].stop == position.stop
        room.venue.set_price(BTC, "97900")
        await desk.settled()
        await desk.looks_round()
    assert desk.open() is None
    [trade] = room.trades().values()
    assert trade.trade_id == position.position_id
    assert trade.close_reason is CloseReason.STOP_LOSS
    assert trade.gross == (Decimal("97900") - Decimal("100000")) * position.qty
    assert trade.pnl_usd == trade.gross - trade.fees - trade.funding
    assert [type(m) for m in room.told(PositionOpened)] == [PositionOpened]
    assert [type(m) for m in room.told(PositionClosed)] == [PositionClosed]


async def test_an_opposite_hand_is_not_ours(room: Room) -> None:
    desk = await room.executor().starts()
    async with desk.listening():
        room.venue.by_hand(BTC, Action.SELL, "0.01")
        await desk.settled()
        await desk.looks_round()
        kept = desk.opened()
        assert kept.position.position_id.startswith("adopted-BTCUSDT-")
        assert room.venue.books.holdings[BTC].stop is not None
