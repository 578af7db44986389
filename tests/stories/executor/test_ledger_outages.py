"""The ledger's server is restarted under a running executor: it waits, protects what is open, and goes on."""

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from libs.common.bus.memory import MemoryBus
from libs.common.contracts.message import Message
from libs.common.contracts.recovery import Phase
from libs.common.errors import Transient
from libs.common.exchange.trading_types import Action
from libs.common.units import HOUR_MS, Instant
from services.executor.adapters.ledger import Ledger
from tests.support import builders
from tests.support.postgres import PostgresServer
from tests.support.trading_room import BTC, ETH, SLOT, Room, Running, signal

D = Decimal


async def test_an_executor_goes_on_after_the_restart_of_the_ledgers_server(
    own_postgres: PostgresServer, tmp_path: Path
) -> None:
    room = Room(tmp_path, ledger_url=own_postgres.new_database())
    desk = room.executor()
    serving = asyncio.create_task(desk.executor.run())
    await passes(room, desk, serving, 1)
    await tells(room, signal())
    await passes(room, desk, serving, 5)
    assert room.venue.books.holdings[BTC].stop is not None

    own_postgres.stop()
    await tells(room, signal(ETH, price="4000"))
    room.venue.strip_stop(BTC)
    await passes(room, desk, serving, 5)
    assert room.created(ETH) == []  # nothing leaves that is not written down first

    own_postgres.start()
    await passes(room, desk, serving, 5)
    assert room.venue.books.holdings[BTC].stop == D("98000")
    assert len(room.created(ETH)) == 1
    await leaves(serving)


async def test_a_start_without_the_ledgers_server_recovers_when_it_is_back(
    own_postgres: PostgresServer, tmp_path: Path
) -> None:
    """It went away after the ledger was opened: recovery is tried again until it is done."""
    room = Room(tmp_path, ledger_url=own_postgres.new_database())
    room.venue.by_hand(BTC, Action.BUY, "0.001")
    desk = room.executor()
    session = desk.executor.begin()
    own_postgres.stop()
    recovering = asyncio.create_task(desk.executor.recover(session))
    await passes(room, desk, recovering, 5)
    own_postgres.start()
    await desk.waits_for(recovering)
    assert desk.desk.phase is Phase.MANAGING_POSITIONS
    assert room.venue.books.holdings[BTC].stop is not None


@pytest.fixture
async def deaf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Running:
    """An executor whose ledger can be written to and not be read: lost between two transactions."""
    desk = await Room(tmp_path).executor().starts()

    def lost(_: Ledger) -> None:
        raise Transient("the ledger is away")

    monkeypatch.setattr(Ledger, "read", lost)
    return desk


async def test_what_is_committed_does_not_look_failed_when_the_next_reading_fails(deaf: Running) -> None:
    with deaf.desk.write() as pages:
        pages.set_cursor("kept", "1")
    with deaf.desk.ledger.write() as pages:
        assert pages.cursor("kept") == "1"


async def test_the_market_is_followed_while_the_ledger_is_away(deaf: Running) -> None:
    deaf.executor.watch.heard(builders.price(at=Instant(SLOT + 2 * HOUR_MS)))
    assert deaf.desk.market.now() == SLOT + 2 * HOUR_MS
    assert deaf.desk.doubted.is_set()


async def tells(room: Room, message: Message) -> None:
    await MemoryBus(server=room.server, service="predictor", instance="teller", clock=room.clock).publish(message)


async def passes(room: Room, desk: Running, work: "asyncio.Task[None]", seconds: int) -> None:
    """Let wall time pass; what we watch must live through it."""
    for _ in range(seconds * 20):
        await desk.settled()
        assert not work.done(), work.exception()
        room.clock.advance(0.05)


async def leaves(serving: "asyncio.Task[None]") -> None:
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
