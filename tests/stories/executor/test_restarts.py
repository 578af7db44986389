"""Starting is recovering: whatever died when, nothing is doubled, forgotten or left naked."""

from decimal import Decimal
from pathlib import Path

import pytest

from libs.common.contracts.commands import PositionClose
from libs.common.contracts.recovery import RecoveryAction, RecoveryDone, RecoveryPlanned
from libs.common.errors import Transient
from libs.common.exchange.memory import MemoryVenue
from libs.common.exchange.trading_types import Action
from libs.common.units import Fraction, Instant, Symbol
from services.executor.core.commit_points import (
    ENTRY_ADMITTED,
    ENTRY_ANSWERED,
    ENTRY_RECORDED,
    EVENTS_MARKED,
    EVENTS_PUBLISHED,
    EXIT_ANSWERED,
    EXIT_PLANNED,
    EXIT_RECORDED,
    EXIT_WANTED,
    FILLS_BOOKED,
    RECOVERY_CAUGHT_UP,
    RECOVERY_PLANNED,
    STOP_PLANNED,
    STOP_RECORDED,
    STOP_SENT,
    TRADE_CLOSED,
)
from services.executor.core.protections import Limits
from tests.support import builders
from tests.support.trading_room import BTC, ETH, SLOT, Dies, Room, Running, dies_at, signal

D = Decimal
A = RecoveryAction
OF_A_DAY = (
    ENTRY_ADMITTED,
    ENTRY_ANSWERED,
    ENTRY_RECORDED,
    EXIT_WANTED,
    EXIT_PLANNED,
    EXIT_ANSWERED,
    EXIT_RECORDED,
    STOP_PLANNED,
    STOP_SENT,
    STOP_RECORDED,
    FILLS_BOOKED,
    TRADE_CLOSED,
    EVENTS_PUBLISHED,
    EVENTS_MARKED,
)


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


def close(desk: Running, symbol: Symbol = BTC) -> PositionClose:
    position = desk.opened(symbol).position
    return builders.position_close(
        symbol=symbol, position_id=position.position_id, side=position.side, version=position.version
    )


async def day(desk: Running, room: Room) -> None:
    """Enter, tighten, close, and close the books."""
    async with desk.listening():
        await desk.gets(signal())
        position = desk.opened().position
        named = {"position_id": position.position_id, "side": position.side, "version": position.version}
        await desk.gets(builders.stop_move(stop=D("98500"), **named))
        room.venue.set_price(BTC, "101000")
        await desk.gets(close(desk))
        await desk.looks_round()


@pytest.mark.parametrize("point", OF_A_DAY)
async def test_dying_at_any_commit_point_doubles_nothing_and_loses_nothing(room: Room, point: str) -> None:
    """The same day, killed once at each moment between two durable writes, and gone on with after a restart."""
    first = await room.executor().starts()
    first.desk.reached = dies_at(point)
    with pytest.raises(BaseException, match=point):
        await day(first, room)
    second = await room.executor().starts()
    async with second.listening():
        await second.looks_round()
        room.clock.advance(15)
        await second.waits_for(second.executor.reconciler.finish(), seconds=60)
        await second.gets(signal())  # the stream hands the unacknowledged signal out again
        if second.open() is not None:
            assert room.venue.books.holdings[BTC].stop is not None
            await second.gets(close(second))
        await second.guards()
        await second.looks_round()
    assert room.created().count(room.created()[0]) == 1
    assert [name for name in room.created() if name.endswith("-e")] == room.created()[:1]
    assert BTC not in room.venue.books.holdings
    [trade] = room.trades().values()
    assert room.venue.books.balance == D(room.balance) + trade.pnl_usd


async def test_dying_inside_recovery_recovers(room: Room) -> None:
    first = await room.executor().starts()
    async with first.listening():
        await first.gets(signal())
    with pytest.raises(Dies):
        await room.executor(reached=dies_at(RECOVERY_PLANNED)).starts()
    third = await room.executor().starts()
    assert third.opened().position.position_id == room.created()[0]
    assert [p.action for p in room.told(RecoveryDone) if isinstance(p, RecoveryDone)][-1] is A.CONTINUE_NORMAL


async def test_each_start_says_which_of_the_six_actions_it_took(room: Room) -> None:
    said = []

    async def start(**figures: object) -> Running:
        desk = await room.executor(**figures).starts()  # type: ignore[arg-type]
        planned = [m for m in room.told(RecoveryPlanned) if isinstance(m, RecoveryPlanned)]
        said.append(planned[-1].action)
        return desk

    desk = await start()
    async with desk.listening():
        await desk.gets(signal())
    await start()
    room.venue.by_hand(BTC, Action.BUY, "0.001")
    await start()
    room.venue.set_price(BTC, "90000")
    await start()
    room.venue.by_hand(ETH, Action.SELL, "0.1", stop="4100")
    desk = await start()
    assert desk.opened(ETH).position.position_id.startswith("adopted-ETHUSDT-")
    room.venue.by_hand(ETH, Action.BUY, "0.3", stop="3900")
    await start()
    assert said == [
        A.CONTINUE_SEEKING,
        A.CONTINUE_NORMAL,
        A.UPDATE_POSITIONS,
        A.SWITCH_TO_SEEKING,
        A.SWITCH_TO_MANAGING,
        A.MANUAL_REVIEW_NEEDED,
    ]


async def test_a_review_survives_a_restart_and_ends_with_a_persons_word(room: Room) -> None:
    room.venue.by_hand(BTC, Action.BUY, "0.01")
    desk = await room.executor(foreign="review").starts()
    await desk.looks_round()
    again = await room.executor(foreign="review", limits=Limits(0, Fraction(D("0.9")))).starts()
    room.venue.by_hand(BTC, Action.SELL, "0.01")
    await again.gets(signal())
    assert again.declined() == ["review"]
    await again.gets(builders.recovery_accept(symbol="BTCUSDT"))
    async with again.listening():
        await again.looks_round()
        await again.gets(signal(n=1, valid_until=Instant(SLOT + 3_600_000)))
    assert again.open() is not None


async def test_what_the_position_did_while_we_were_dead_is_in_its_trade(room: Room) -> None:
    """hummingbot-api#243, freqtrade#7606: the stop hit while nobody watched; no phantom trade stays behind."""
    first = await room.executor().starts()
    async with first.listening():
        await first.gets(signal())
    room.venue.settle_funding(BTC, "0.0003")
    room.venue.set_price(BTC, "97000")
    second = await room.executor().starts()
    assert second.open() is None
    [trade] = room.trades().values()
    assert trade.funding > 0
    assert room.venue.books.balance == D(room.balance) + trade.pnl_usd


@pytest.mark.parametrize("open_now", [True, False])
async def test_a_lost_ledger_is_read_off_the_venue(room: Room, tmp_path: Path, open_now: bool) -> None:
    """nautilus#4736: warm or cold, the venue decides; nothing is doubled from our own order ids."""
    first = await room.executor().starts()
    async with first.listening():
        await first.gets(signal())
        if not open_now:
            room.venue.set_price(BTC, "97000")
            await first.settled()
    position_id = room.created()[0]
    room.home = tmp_path / "another disk"
    room.server.flush()
    second = await room.executor().starts()
    if open_now:
        kept = second.opened()
        assert kept.position.position_id == position_id
        assert kept.position.stop == room.venue.books.holdings[BTC].stop
    else:
        assert set(room.trades()) == {position_id}
    await second.gets(signal())
    assert room.created() == [position_id]


async def test_a_lost_redis_is_told_every_trade_again(room: Room) -> None:
    """FLUSHALL: the streams are gone, the ledger is not."""
    desk = await room.executor().starts()
    async with desk.listening():
        await desk.gets(signal())
        room.venue.set_price(BTC, "97000")
        await desk.settled()
        await desk.looks_round()
    told = room.trades()
    assert told
    room.server.flush()
    await desk.waits_for(desk.executor.outbox.heal())
    assert room.trades() == told


@pytest.mark.parametrize("restart", [False, True])
async def test_a_redis_that_was_lost_before_newer_trades_is_told_the_older_ones_too(room: Room, restart: bool) -> None:
    desk = await room.executor(limits=Limits(0, Fraction(D("0.9")))).starts()
    for n in range(4):
        if n == 1:
            await desk.waits_for(desk.executor.outbox.heal())
            room.server.flush()
            desk = await room.executor(limits=Limits(0, Fraction(D("0.9")))).starts() if restart else desk
        async with desk.listening():
            room.venue.set_price(BTC, "100000")
            await desk.gets(signal(n=n, valid_until=Instant(SLOT + 3_600_000)))
            room.venue.set_price(BTC, "97000")
            await desk.settled()
            await desk.waits_for(desk.executor.books.settle_all())
            await desk.tells()
    await desk.waits_for(desk.executor.outbox.heal())
    assert len(room.trades()) == 4


async def test_unpublished_events_are_published_at_the_next_start(room: Room) -> None:
    first = await room.executor().starts()
    first.desk.reached = dies_at(EVENTS_PUBLISHED)
    with pytest.raises(Dies):
        await first.gets(signal())
    await room.executor().starts()
    stream = [entry.message().id for entry in room.server.streams["order"]]
    assert len(stream) > len(set(stream))  # told twice, under the same id


async def test_a_venue_that_does_not_answer_is_not_a_venue_without_positions(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing report is no report of "flat": recovery waits, and entries stay closed."""
    first = await room.executor().starts()
    async with first.listening():
        await first.gets(signal())
    silent = [3]
    answers = MemoryVenue.positions

    async def positions(venue: MemoryVenue) -> object:
        silent[0] -= 1
        if silent[0] >= 0:
            raise Transient("no answer")
        return await answers(venue)

    monkeypatch.setattr(MemoryVenue, "positions", positions)
    second = room.executor()
    await second.waits_for(second.starts())
    assert second.opened().position.position_id == room.created()[0]


async def test_a_start_covers_what_is_naked_before_it_reads_its_books(room: Room) -> None:
    """The venue may be slow with executions, and a start be killed in the middle: the stop does not wait for either."""
    first = await room.executor().starts()
    async with first.listening():
        await first.gets(signal())
    room.venue.strip_stop(BTC)
    room.venue.by_hand(ETH, Action.BUY, "0.01")
    with pytest.raises(Dies):
        await room.executor(reached=dies_at(RECOVERY_CAUGHT_UP)).starts()
    assert room.venue.books.holdings[BTC].stop == D("98000.0")
    assert room.venue.books.holdings[ETH].stop is not None
