"""A lost ledger: everything that the venue remembers comes back under its own names, and nothing is entered twice."""

import sqlite3
from decimal import Decimal
from pathlib import Path

import pytest

from libs.common.contracts.recovery import RecoveryAction, RecoveryPlanned
from libs.common.contracts.signals import SignalMade
from libs.common.contracts.trades import CloseReason
from libs.common.errors import Fatal, Transient
from libs.common.exchange.memory import MemoryVenue
from libs.common.exchange.trading_types import Action
from libs.common.units import DAY_MS, Fraction, Instant, Side, Symbol
from services.executor.core.commit_points import RECOVERY_CAUGHT_UP
from services.executor.core.protections import Limits
from tests.support import builders
from tests.support.trading_room import BTC, ETH, SLOT, SOL, Dies, Room, Running, dies_at, signal

D = Decimal


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


def later(n: int, symbol: Symbol = BTC, price: str = "100000") -> SignalMade:
    return signal(symbol, n=n, price=price, valid_until=Instant(SLOT + 3_600_000))


async def morning(room: Room) -> Running:
    """A loss in BTC; ETH open with a partial exit taken; SOL closed and open again."""
    desk = await room.executor(limits=Limits(0, Fraction(D("0.9")))).starts()
    async with desk.listening():
        await desk.gets(signal(), signal(ETH, price="4000"), signal(SOL, price="200"))
        room.venue.set_price(BTC, "97000")
        room.venue.set_price(SOL, "190")
        await desk.settled()
        await desk.looks_round()
        held = desk.opened(ETH).position
        named = {"symbol": ETH, "position_id": held.position_id, "side": held.side, "version": held.version}
        room.venue.set_price(ETH, "4100")
        await desk.gets(builders.position_reduce(qty=held.qty / 2, **named))
        await desk.gets(later(1, SOL, "190"))
        await desk.looks_round()
    return desk


def shown(desk: Running) -> dict[str, object]:
    """What must come back: names, sizes, prices, stops, partial exits."""
    return {
        kept.position.symbol: (
            kept.position.position_id,
            kept.position.side,
            kept.position.qty,
            kept.position.entry,
            kept.position.stop,
            [(part.qty, part.price, part.gross) for part in kept.position.partial_exits],
        )
        for kept in desk.positions()
    }


async def test_an_empty_ledger_is_filled_with_positions_trades_and_spent_slots(room: Room, tmp_path: Path) -> None:
    before = await morning(room)
    trades, positions, created = room.trades(), shown(before), {s: room.created(s) for s in (BTC, ETH, SOL)}
    room.home = tmp_path / "another disk"
    room.server.flush()
    second = room.executor(limits=Limits(0, Fraction(D("0.9"))))
    told = await second.executor.rebuild.run()
    await second.tells()
    assert (told["positions"], told["trades"], told["trades_added"]) == (2, 2, 2)
    assert told["orders"] == told["orders_added"] == sum(map(len, created.values()))
    assert shown(second) == positions
    facts = (
        "trade_id",
        "qty",
        "entry_price",
        "exit_price",
        "gross",
        "fees",
        "funding",
        "pnl_usd",
        "closed_at",
        "close_reason",
        "initial_stop",
        "last_stop",
    )
    assert {t: [getattr(m, f) for f in facts] for t, m in room.trades().items()} == {
        t: [getattr(m, f) for f in facts] for t, m in trades.items()
    }
    await second.starts()
    await second.gets(signal(), signal(ETH, price="4000"), signal(SOL, price="200"), later(1, SOL, "190"))
    assert {s: room.created(s) for s in (BTC, ETH, SOL)} == created


async def moves(desk: Running, stop: str) -> None:
    position = desk.opened().position
    named = {"position_id": position.position_id, "side": position.side, "version": position.version}
    await desk.gets(builders.stop_move(stop=D(stop), **named))


@pytest.mark.parametrize("open_now", [True, False])
async def test_the_first_stop_and_the_last_are_told_apart_by_the_venues_orders(
    room: Room, tmp_path: Path, open_now: bool
) -> None:
    """Trailing counts its gain in first risks, and a post-mortem asks whether a stop was moved."""
    desk = await room.executor().starts()
    async with desk.listening():
        await desk.gets(signal())
        await moves(desk, "99000")
        if not open_now:
            room.venue.set_price(BTC, "98500")
            await desk.settled()
            await desk.looks_round()
    trades, room.home = room.trades(), tmp_path / "another disk"
    room.server.flush()
    second = room.executor()
    await second.executor.rebuild.run()
    await second.tells()
    if open_now:
        position = second.opened().position
        assert (position.initial_stop, position.stop) == (D(98000), D(99000))
    else:
        [before], [after] = trades.values(), room.trades().values()
        stops = (before.close_reason, before.initial_stop, before.last_stop)
        assert (after.close_reason, after.initial_stop, after.last_stop) == stops
        assert stops == (CloseReason.TRAILING, D(98000), D(99000))


async def test_what_is_known_is_not_read_again(room: Room) -> None:
    desk = await morning(room)
    before = shown(desk)
    told = await desk.executor.rebuild.run()
    assert (told["orders_added"], told["executions_added"], told["trades_added"]) == (0, 0, 0)
    assert shown(desk) == before


async def test_a_ledger_that_came_back_from_yesterday_gets_what_it_missed(room: Room, tmp_path: Path) -> None:
    """A restored copy: what it does not know waits for a person, and is read off the venue on the person's word."""
    desk = await room.executor().starts()
    room.clock.advance(5)
    await desk.looks_round()
    with sqlite3.connect(room.home / "ledger.db") as live, sqlite3.connect(tmp_path / "copy.db") as copy:
        live.backup(copy)
    async with desk.listening():
        await desk.gets(signal())
        await desk.gets(signal(ETH, price="4000"))
    room.home = tmp_path / "restored"
    room.home.mkdir()
    (tmp_path / "copy.db").rename(room.home / "ledger.db")
    with sqlite3.connect(room.home / "ledger.db") as copy:  # it had traded before
        copy.execute(
            "INSERT INTO intents SELECT 'ika-SOLUSDT-1-e', 'ika-SOLUSDT-1-e', 'SOLUSDT', 'long', 'e', 'CANCELLED', "
            "'', '', '', '1', '1', '0', NULL, NULL, NULL, 1, 1, 1, 1, NULL, 0"
        )
    second = await room.executor().starts()
    [*_, planned] = room.told(RecoveryPlanned)
    assert isinstance(planned, RecoveryPlanned)
    assert planned.action is RecoveryAction.MANUAL_REVIEW_NEEDED
    assert not second.positions()
    told = await second.executor.rebuild.run()
    assert told["orders_added"] == 2
    await second.gets(builders.recovery_accept(symbol=""))
    await second.looks_round()
    assert set(shown(second)) == {BTC, ETH}
    assert [kept.position.position_id for kept in second.positions()] == room.created(BTC) + room.created(ETH)


@pytest.mark.parametrize("remains", [(), ("-wal", "-shm")])
async def test_a_ledger_that_is_deleted_under_a_running_executor_stops_it_and_the_next_start_reads_it_again(
    room: Room, remains: tuple[str, ...]
) -> None:
    first = await room.executor().starts()
    async with first.listening():
        await first.gets(signal())
    for end in {"", "-wal", "-shm"} - set(remains):
        (room.home / f"ledger.db{end}").unlink(missing_ok=True)
    with pytest.raises(Fatal, match="deleted or replaced"):
        await first.executor.guard()
    second = await room.executor().starts()
    with pytest.raises(Fatal, match="deleted or replaced"):  # also now that there is one again
        await first.executor.guard()
    assert second.opened().position.position_id == room.created()[0]
    assert second.opened().position.stop == room.venue.books.holdings[BTC].stop


async def test_dying_in_the_middle_leaves_no_second_instance_behind(
    room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await morning(room)
    room.home = tmp_path / "another disk"
    room.server.flush()
    second = room.executor(foreign="review")
    answers = MemoryVenue.executions

    async def silent(venue: MemoryVenue, **asked: object) -> object:
        raise Transient("no answer")

    monkeypatch.setattr(MemoryVenue, "executions", silent)
    with pytest.raises(Transient):
        await second.executor.rebuild.run()
    monkeypatch.setattr(MemoryVenue, "executions", answers)
    third = await room.executor(foreign="review").starts()
    planned = [m.action for m in room.told(RecoveryPlanned) if isinstance(m, RecoveryPlanned)]
    assert planned == [RecoveryAction.SWITCH_TO_MANAGING]
    assert {kept.position.symbol for kept in third.positions()} == {ETH, SOL}


@pytest.mark.parametrize("part_closed", [False, True])
async def test_a_position_older_than_the_retention_window_keeps_its_name_and_its_price(
    room: Room, tmp_path: Path, part_closed: bool
) -> None:
    first = await room.executor().starts()
    async with first.listening():
        await first.gets(signal())
        room.venue.pass_market(3 * DAY_MS)
        if part_closed:
            room.venue.by_hand(BTC, Action.SELL, "0.001")
        await first.settled()
    before = shown(first)
    room.venue.pass_market(6 * DAY_MS)
    room.home = tmp_path / "another disk"
    second = await room.executor().starts()
    assert shown(second) == before


async def test_the_end_of_a_position_from_before_the_window_is_put_away(room: Room, tmp_path: Path) -> None:
    """Its opening is forgotten: no trade is made up, and nothing is doubted for ever."""
    room.venue.by_hand(BTC, Action.BUY, "0.01")
    room.venue.pass_market(8 * DAY_MS)
    room.venue.by_hand(BTC, Action.SELL, "0.01")
    room.venue.pass_market(DAY_MS)
    desk = await room.executor().starts()
    assert not room.trades()
    with desk.desk.ledger.read() as pages:
        assert not pages.symbols_to_fold()
    async with desk.listening():
        await desk.gets(signal(valid_until=Instant(SLOT + 10 * DAY_MS)))
        assert not desk.desk.doubts
    assert desk.opened().position.position_id == room.created()[0]


async def test_an_order_that_arrives_after_its_ledger_was_lost_needs_nobody(room: Room, tmp_path: Path) -> None:
    """It was on its way when everything was lost, and is found by a start that was killed in the middle of reading."""
    lost = await room.executor().starts()
    await lost.gets(signal(ETH, price="4000"))
    room.home = tmp_path / "another disk"
    with pytest.raises(Dies):
        await room.executor(reached=dies_at(RECOVERY_CAUGHT_UP)).starts()
    await lost.gets(signal())
    third = await room.executor().starts()
    assert not third.reviews()
    assert {kept.position.position_id for kept in third.positions()} == {*room.created(BTC), *room.created(ETH)}


async def test_only_what_arrives_later_than_any_request_may_is_taken_for_another_system(
    room: Room, tmp_path: Path
) -> None:
    lost = await room.executor().starts()
    room.home = tmp_path / "another disk"
    await room.executor().starts()
    await lost.gets(signal(ETH, price="4000"))
    third = await room.executor().starts()
    assert not third.reviews()
    room.clock.advance(4.5)
    await third.looks_round()
    await lost.gets(signal())
    assert set((await room.executor().starts()).reviews()) == {BTC}


async def test_a_slot_is_spent_when_its_position_came_back_without_its_order(room: Room, tmp_path: Path) -> None:
    """The other side was signalled for the same candle, too: nothing is asked for under a name that is taken."""
    lost = await room.executor().starts()
    room.home = tmp_path / "another disk"
    second = await room.executor(limits=Limits(0, Fraction(D("0.9")))).starts()
    await lost.gets(signal())
    for _ in range(4):
        room.clock.advance(3)
        await second.looks_round()
    assert second.opened().position.position_id == room.created()[0]
    async with second.listening():
        room.venue.set_price(BTC, "97000")
        await second.settled()
        await second.looks_round()
        assert second.open() is None
        await second.gets(signal(side=Side.SHORT, price="97000", id="another opinion"))
    assert not second.live()
    assert len([name for name in room.created() if name.endswith("-e")]) == 1
