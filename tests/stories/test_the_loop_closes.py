"""Executor, trailing and postmortem on one Redis and one venue: each arrow between them, once."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from libs.common.bus.memory import MemoryBus
from libs.common.contracts.commands import PositionCommand
from libs.common.contracts.message import Message
from libs.common.contracts.postmortems import PostmortemWritten
from libs.common.contracts.registry import encode
from libs.common.contracts.trades import CloseReason
from libs.common.health import Health
from libs.common.service import serve
from libs.common.settings.sections import ApiSection
from libs.common.units import Fraction, Instant
from services.executor.adapters.rest import executor_app
from services.postmortem.adapters.archive import as_bytes
from services.postmortem.adapters.backfill import Backfill, ExecutorBooks, HomeToken
from services.postmortem.core.report import explain
from services.trailing.core.rules import Rules
from services.trailing.service import Trailing
from tests.support.positions import priced
from tests.support.postmortems import Office, open_office
from tests.support.trading_room import BTC, SLOT, Room, Running, signal

RULES = Rules(Fraction(Decimal(1)), Fraction(Decimal(2)), Fraction(Decimal("0.02")), Fraction(Decimal("0.0005")), 48)


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return open_office(tmp_path / "postmortems", Room(tmp_path).clock)


async def trail(room: Room, trailing: Trailing, *prices: str) -> Sequence[Message]:
    """The fetcher tells of prices; return what trailing asks for."""
    for number, price in enumerate(prices):
        moved = priced(price, at=Instant(SLOT + 60_000 * (number + 1)), symbol=BTC)
        room.venue.set_price(BTC, price)
        room.server.add("price", *encode(moved))
    bus = MemoryBus(server=room.server, service="trailing", clock=room.clock, endless=False)
    await serve(trailing, bus=bus, clock=room.clock)
    return bus.published


async def loses(room: Room) -> Running:
    """A long is opened and stopped out; the executor tells of it."""
    desk = await room.executor(version="1").starts()
    async with desk.listening():
        await desk.gets(signal())
        room.venue.set_price(BTC, "97900")
        await desk.settled()
        await desk.looks_round()
    return desk


async def test_a_profit_tightens_the_stop_at_the_venue_and_the_trade_ends_by_trailing(room: Room) -> None:
    trailing = Trailing(RULES, health=Health("trailing"))
    trailing.take(frozenset({BTC}))
    desk = await room.executor().starts()
    async with desk.listening():
        desk.executor.snapshot()
        await desk.tells()
        await desk.gets(signal())
        first = desk.opened().position
        asked = await trail(room, trailing, "104000")
        assert [type(command).schema_name for command in asked] == ["command.stop_move.v1"]
        for command in asked:
            assert isinstance(command, PositionCommand)
            assert command.position_id == first.position_id
            await desk.gets(command)
        assert room.venue.books.holdings[BTC].stop == Decimal("102000.0")  # two ATR behind
        room.venue.set_price(BTC, "101900")
        await desk.settled()
        await desk.looks_round()
    [trade] = room.trades().values()
    assert trade.close_reason is CloseReason.TRAILING
    assert trade.last_stop == Decimal("102000.0")


async def test_a_loss_told_by_the_executor_is_explained_to_the_last_digit(room: Room, office: Office) -> None:
    await loses(room)
    bus = MemoryBus(server=room.server, service="postmortem", clock=room.clock, endless=False)
    await serve(office.desk, bus=bus, clock=room.clock, keep=office.filing.keep)
    [trade] = room.trades().values()
    [report] = room.told(PostmortemWritten)
    assert isinstance(report, PostmortemWritten)
    assert sum(value for _, value in report.decomposition) == trade.pnl_usd
    assert report.decomposition.residue == 0
    assert report.summary.close_reason is CloseReason.STOP_LOSS


@pytest.mark.parametrize("reads", ["loopback", "none"])
async def test_a_loss_that_only_the_ledger_remembers_has_the_same_report(
    room: Room, office: Office, tmp_path: Path, reads: str
) -> None:
    desk = await loses(room)
    [trade] = room.trades().values()
    room.server.flush()
    api = ApiSection.model_validate({"open_reads": reads})
    app = executor_app(desk.desk, desk.bus, api, tmp_path, desk.executor.rebuild.run)
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://executor", auth=HomeToken("", tmp_path / "api.token")
    )
    bus = MemoryBus(server=room.server, service="postmortem", clock=room.clock)
    backfill = Backfill(ExecutorBooks(client), office.archive, office.index, bus, room.clock, 60)
    assert await backfill.catch_up(Instant(0)) == 1
    assert office.archive.path(trade.trade_id).read_bytes() == as_bytes(explain(trade))
    assert [type(message).schema_name for message in bus.published] == ["postmortem.written.v1", "lesson.explained.v1"]
