"""What people see of open positions and of the session, field by field."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from libs.common.units import Fraction
from services.executor.adapters.portfolio import Portfolio, plain
from tests.support import builders
from tests.support.trading_room import BTC, ETH, Room, Running, signal

D = Decimal
POSITION_FIELDS = {
    "position_id", "symbol", "side", "qty", "entry", "mark", "stop", "initial_stop", "trailing", "leverage", "margin",
    "unrealised_pnl", "roe_percentage", "confidence", "reasons", "rationale", "atr", "adx", "volatility",
    "partial_exits", "version", "opened_at", "decision", "closing", "equity_at_entry", "naked_ms",
}  # fmt: skip
SESSION_FIELDS = {
    "session_id", "active_positions", "used_margin", "unrealised_pnl", "realised_pnl", "total_pnl", "closed_trades",
    "wins", "losses", "win_rate", "balance", "available_balance",
}  # fmt: skip


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


def shown(desk: Running) -> dict[str, Any]:
    [only] = Portfolio(desk.desk).positions()
    assert isinstance(only, dict)
    return only


async def reduces(desk: Running, part: str, step: int) -> None:
    held = desk.opened().position
    named = {"position_id": held.position_id, "side": held.side, "version": held.version}
    await desk.gets(builders.position_reduce(qty=D(part), step=step, reason=f"{step} R reached", **named))


async def test_a_position_has_every_field_and_amounts_are_strings_of_digits(room: Room) -> None:
    desk = await room.executor().starts()
    async with desk.listening():
        await desk.gets(signal())
        room.venue.set_price(BTC, "101000")
        await reduces(desk, "0.002", 1)
    desk.desk.prices[BTC] = builders.price(last="102000")
    told = shown(desk)
    assert set(told) == POSITION_FIELDS
    assert (told["symbol"], told["side"], told["qty"], told["entry"]) == (BTC, "long", "0.003", "100000")
    assert (told["mark"], told["stop"], told["leverage"], told["margin"]) == ("102000", "98000", "5", "60.000")
    assert told["trailing"] == {"active": False, "stop": "98000", "initial_stop": "98000"}
    assert D(told["unrealised_pnl"]) == 6
    assert D(told["roe_percentage"]) == 10  # 6 of 60 USDT of margin
    assert (told["confidence"], told["adx"], told["volatility"], told["atr"]) == ("0.62", "27.1", "0.0021", "1000")
    assert told["reasons"] == ["2/3 timeframes agree on BUY; XGBoost 62 %", "15m votes BUY"]
    assert told["version"] == desk.opened().position.version
    for name in ("qty", "entry", "mark", "stop", "margin", "unrealised_pnl", "roe_percentage"):
        assert isinstance(told[name], str)
        assert "E" not in told[name]


async def test_each_partial_exit_has_size_price_reason_and_what_it_realised(room: Room) -> None:
    desk = await room.executor().starts()
    async with desk.listening():
        await desk.gets(signal())
        room.venue.set_price(BTC, "101000")
        await reduces(desk, "0.002", 1)
        room.venue.set_price(BTC, "102000")
        await reduces(desk, "0.001", 2)
        first, second = shown(desk)["partial_exits"]
        assert (first["qty"], first["price"], first["reason"]) == ("0.002", "101000", "1 R reached")
        assert (second["qty"], second["price"], second["reason"]) == ("0.001", "102000", "2 R reached")
        assert D(first["gross"]) == 2
        assert D(first["realised_pnl"]) == D(2) - D("0.00055") * (D(202) + D(200))
        assert D(second["realised_pnl"]) == D(2) - D("0.00055") * (D(102) + D(100))
        session = Portfolio(desk.desk).session()
        assert D(str(session["realised_pnl"])) == D(first["realised_pnl"]) + D(second["realised_pnl"])
        assert session["closed_trades"] == 0
        room.venue.set_price(BTC, "97000")
        await desk.settled()
        await desk.looks_round()
    [trade] = room.trades().values()
    assert [(part.qty, part.reason) for part in trade.exits[:2]] == [
        (D("0.002"), "1 R reached"),
        (D("0.001"), "2 R reached"),
    ]
    assert D(str(Portfolio(desk.desk).session()["realised_pnl"])) == trade.pnl_usd


async def test_every_price_is_marked_to_market_at_once(room: Room) -> None:
    desk = await room.executor().starts()
    async with desk.listening():
        await desk.gets(signal())
    for price, pnl in (("100500", "2.5"), ("99000", "-5"), ("100000", "0")):
        desk.executor.watch.heard(builders.price(last=price))
        told = shown(desk)
        assert (D(told["mark"]), D(told["unrealised_pnl"])) == (D(price), D(pnl))
        assert D(str(Portfolio(desk.desk).session()["unrealised_pnl"])) == D(pnl)


async def test_the_margin_is_what_the_venue_really_asks(room: Room) -> None:
    """Somebody lowered the leverage at the venue: the return is on the margin that is tied up now."""
    desk = await room.executor().starts()
    async with desk.listening():
        await desk.gets(signal())
        room.venue.books.leverage[BTC] = Fraction(D(2))
        await desk.looks_round()
    desk.desk.prices[BTC] = builders.price(last="101000")
    told = shown(desk)
    assert (D(told["leverage"]), D(told["margin"]), D(told["roe_percentage"])) == (D(2), D(250), D(2))
    assert D(told["margin"]) == room.venue.books.positions()[0].margin


async def test_a_session_has_every_field(room: Room) -> None:
    desk = await room.executor().starts()
    async with desk.listening():
        await desk.gets(signal(), signal(ETH, price="4000"))
        room.venue.set_price(BTC, "97000")
        await desk.settled()
        await desk.looks_round()
        room.venue.set_price(ETH, "4100")
    desk.desk.prices[ETH] = builders.price(ETH, last="4100")
    told = Portfolio(desk.desk).session()
    assert set(told) == SESSION_FIELDS
    [trade] = room.trades().values()
    eth = desk.opened(ETH).position
    assert (told["active_positions"], told["closed_trades"], told["wins"], told["losses"]) == (1, 1, 0, 1)
    assert D(str(told["win_rate"])) == 0
    assert D(str(told["used_margin"])) == eth.margin
    assert D(str(told["realised_pnl"])) == trade.pnl_usd
    assert D(str(told["unrealised_pnl"])) == 100 * eth.qty
    assert D(str(told["total_pnl"])) == trade.pnl_usd + 100 * eth.qty
    assert D(str(told["balance"])) == room.venue.books.balance
    assert D(str(told["available_balance"])) > 0


def test_amounts_are_digits_without_an_exponent() -> None:
    assert plain({"a": (D("1E+3"), D("0E-7")), "b": None, "c": True}) == {
        "a": ["1000", "0.0000000"],
        "b": None,
        "c": True,
    }
