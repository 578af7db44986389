"""A position is followed on every price, through restarts and lost words."""

from decimal import Decimal as D

import pytest

from libs.common.bus.memory import MemoryBus, MemoryServer
from libs.common.clock import VirtualClock
from libs.common.contracts.commands import PositionClose, StopMove
from libs.common.contracts.message import Message
from libs.common.contracts.positions import OpenPosition
from libs.common.contracts.registry import encode
from libs.common.contracts.trades import CloseReason
from libs.common.health import Health
from libs.common.service import serve
from libs.common.units import Fraction, Instant, Side
from services.trailing.core.overdue import GRACE_MS
from services.trailing.core.rules import Rules
from services.trailing.service import Trailing
from tests.support.positions import BTC, OPENED_AT, changed, open_position, opened, price_of, priced, snapshot

RULES = Rules(Fraction(D(1)), Fraction(D(2)), Fraction(D("0.02")), Fraction(D("0.0005")), 48)


class Story:
    """One trailing process over one Redis; the executor is played by the test."""

    def __init__(self) -> None:
        self.clock = VirtualClock(Instant(1_000_000))
        self.server = MemoryServer()
        self.minute = 0
        self.start()

    def start(self) -> None:
        """A new process: it knows nothing but what the streams tell it."""
        self.trailing = Trailing(RULES, health=Health("trailing"))
        self.trailing.take(frozenset({BTC}))
        self.server.cursors.clear()

    async def hears(self, *messages: Message) -> list[Message]:
        """Put messages on their streams, one after another, and return what is asked for."""
        asked: list[Message] = []
        for message in messages:
            self.server.add(message.stream(), *encode(message.stamped(sent=self.clock.now(), source="executor")))
            bus = MemoryBus(server=self.server, service="trailing", clock=self.clock, endless=False)
            await serve(self.trailing, bus=bus, clock=self.clock)
            asked += bus.published
        return asked

    async def opens(self, position: OpenPosition) -> None:
        await self.hears(snapshot(), opened(position))

    async def market(self, *prices: int | str) -> list[Message]:
        asked: list[Message] = []
        for price in prices:
            self.minute += 1
            asked += await self.hears(priced(price, at=Instant(OPENED_AT + self.minute)))
        return asked


@pytest.fixture
def story() -> Story:
    return Story()


async def test_a_long_that_doubles_then_halves_leaves_at_the_trail(story: Story) -> None:
    position = open_position(stop="98")
    await story.opens(position)
    (move,) = await story.market(200)
    assert isinstance(move, StopMove)
    assert move.stop == price_of(196)
    await story.hears(changed(open_position(stop="196", version=2)))
    assert await story.market(100) == []  # the venue's stop fires; its fill is on the way
    story.clock.advance(GRACE_MS / 1_000)
    (leave,) = await story.market(100)  # and where it evidently did not, we leave
    assert isinstance(leave, PositionClose)
    assert (leave.position_id, leave.close_reason) == (position.position_id, CloseReason.TRAILING)


async def test_a_short_is_followed_down(story: Story) -> None:
    await story.opens(open_position(side=Side.SHORT, stop="102", initial_stop="102"))
    moves = await story.market(99, 98, 97, "96.99", 98, 90)
    assert [move.stop for move in moves if isinstance(move, StopMove)] == [D("99.96"), D("98.94"), D("91.80")]


async def test_a_restart_goes_on_from_the_stop_at_the_venue(story: Story) -> None:
    await story.opens(open_position())
    (move,) = await story.market(110)
    assert isinstance(move, StopMove)
    confirmed = open_position(stop="107.8", version=2)
    await story.hears(changed(confirmed))
    story.start()
    asked = await story.hears(snapshot(confirmed, at=Instant(OPENED_AT + 9)))
    asked += await story.market(109)  # the best price of before is forgotten; the stop stays
    assert {repeat.id for repeat in asked} <= {move.id}  # history is read again: a repeat, and known as one
    (next_move,) = await story.market(120)
    assert isinstance(next_move, StopMove)
    assert next_move.stop == D("117.6")


async def test_two_replicas_that_both_speak_ask_for_the_same(story: Story) -> None:
    other = Story()
    for each in (story, other):
        await each.opens(open_position())
    assert [m.id for m in await story.market(110, 115)] == [m.id for m in await other.market(110, 115)]
