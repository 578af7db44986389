"""Whatever stands on the command and signal streams: a refusal with a reason, nothing changed, and work goes on."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from libs.common.contracts.message import Message
from libs.common.contracts.registry import encode
from libs.common.units import Instant, Symbol
from services.executor.adapters import schema
from tests.support import builders
from tests.support.trading_room import BTC, ETH, SLOT, SOL, Room, Running, signal

OURS_ALONE = {"sessions", "recovery_log", "equity", "outbox", "cursors"}  # what a quiet executor writes by itself
NOT_NUMBERS: tuple[Any, ...] = ("NaN", "Infinity", "-1", "0", "1e999999", "1e-999999", "", "ten", True, None, [1], {})
NOT_NAMES = (7, None, ["x"], "x" * 5_000, "a\x00b")


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


@pytest.fixture
async def desk(room: Room) -> AsyncIterator[Running]:
    """One that serves, with a long position in BTCUSDT."""
    running = room.executor()
    serving = asyncio.create_task(running.executor.run())
    await running.passes(1)
    await running.bus.publish(signal())
    await running.passes(1)
    running.opened()
    yield running
    assert not serving.done(), "it did not survive"
    serving.cancel()
    with suppress(asyncio.CancelledError):
        await serving


def all_of(desk: Running) -> dict[str, Sequence[Any]]:
    """Everything that the ledger holds and the venue was asked."""
    with desk.desk.ledger.read() as pages:
        tables = [table for table in schema.METADATA.sorted_tables if table.name not in OURS_ALONE]
        held = {table.name: [tuple(row) for row in pages.db.execute(select(table))] for table in tables}
    return held | {"asked": list(desk.room.venue.asked)}


def named(desk: Running, command: Message, **said: Any) -> tuple[bytes, dict[str, Any]]:
    """A command as it should be, with some of it said otherwise."""
    name, body = encode(command)
    position = desk.opened().position
    about = {"symbol": BTC, "position_id": position.position_id, "side": "long", "version": position.version}
    return name, {**json.loads(body), **(about if "position_id" in json.loads(body) else {}), **said}


async def is_refused(desk: Running, stream: str, name: bytes, body: bytes, *, says: str) -> None:
    before, dead = all_of(desk), len(desk.room.server.dead)
    desk.room.server.add(stream, name, body)
    await desk.passes(1)
    assert len(desk.room.server.dead) == dead + 1
    letter = desk.room.server.dead[-1]
    assert (letter.stream, letter.t) == (stream, name)
    assert says in letter.reason
    assert all_of(desk) == before


async def works_on(desk: Running) -> None:
    await desk.bus.publish(signal(ETH, price="4000"))
    await desk.passes(1)
    assert desk.opened(ETH).position.stop is not None


POSITION_COMMANDS = (builders.stop_move, builders.position_reduce, builders.position_close)
SWITCHES = (
    builders.entries_pause,
    builders.entries_resume,
    builders.halt,
    builders.flatten,
    builders.detach,
    builders.recovery_accept,
)


@pytest.mark.parametrize("build", [*POSITION_COMMANDS, *SWITCHES])
async def test_a_command_with_a_wrong_field_is_refused_by_its_name(desk: Running, build: Any) -> None:
    wrong: dict[str, Sequence[Any]] = {"surprise": [1], "at": [-1, 1e300, "now", None], "id": NOT_NAMES}
    if build in SWITCHES:
        wrong |= {"by": NOT_NAMES, "reason": NOT_NAMES}
    else:
        wrong |= {"side": ["up", 1], "version": [-1, "1", 2**60, 1.5], "position_id": NOT_NAMES, "reason": NOT_NAMES}
        wrong |= {"symbol": ["", "btcusdt", "BTC/USDT", 5, "B" * 30]}
    for field, values in wrong.items():
        for value in values:
            name, body = named(desk, build(), **{field: value})
            await is_refused(desk, "command", name, json.dumps(body).encode(), says=field)
    await works_on(desk)


@pytest.mark.parametrize(
    ("build", "field", "values"),
    [
        (builders.stop_move, "stop", NOT_NUMBERS),
        (builders.position_reduce, "qty", [value for value in NOT_NUMBERS if value not in ("0", "1e-999999")]),
        (builders.position_reduce, "step", (0, -1, 10, "1", 1.5, None)),
        (builders.position_close, "close_reason", ("WHIM", 1, None)),
        (builders.entries_resume, "halted", ("yes", 1, None)),
        (builders.recovery_accept, "symbol", (None, "BTC/USDT", "B" * 30, 5)),
    ],
)
async def test_a_command_with_an_impossible_value_is_refused_by_its_name(
    desk: Running, build: Any, field: str, values: Sequence[Any]
) -> None:
    for value in values:
        name, body = named(desk, build(), **{field: value})
        await is_refused(desk, "command", name, json.dumps(body).encode(), says=field)
    await works_on(desk)


@pytest.mark.parametrize("build", POSITION_COMMANDS)
@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({"position_id": "ika-BTCUSDT-1abc-e"}, "ika-BTCUSDT-1abc-e"),
        ({"position_id": ""}, "BTCUSDT has"),
        ({"side": "short"}, "is long BTCUSDT"),
        ({"symbol": ETH}, "is long BTCUSDT"),
        ({"symbol": "NOPEUSDT"}, "is long BTCUSDT"),
        ({"symbol": "NOPEUSDT", "position_id": "x"}, "NOPEUSDT has nothing"),
    ],
)
async def test_a_command_about_another_position_is_refused_naming_ours(
    desk: Running, build: Any, said: dict[str, Any], says: str
) -> None:
    name, body = named(desk, build(), **said)
    await is_refused(desk, "command", name, json.dumps(body).encode(), says=says)
    await works_on(desk)


@pytest.mark.parametrize(
    ("name", "body", "says"),
    [
        (b"command.halt.v1", b"", "command.halt.v1"),
        (b"command.halt.v1", b"{", "command.halt.v1"),
        (b"command.halt.v1", b"[]", "command.halt.v1"),
        (b"command.halt.v1", b'"halt"', "command.halt.v1"),
        (b"command.halt.v1", b"\xff\xfe", "command.halt.v1"),
        (b"command.halt.v1", b"[" * 100_000, "command.halt.v1"),
        (b"command.halt.v2", b"{}", "command.halt.v2"),
        (b"command.fire_everybody.v1", b"{}", "command.fire_everybody.v1"),
        (b"", b"{}", "no schema"),
        (b"\xff", b"{}", "no schema"),
        (*encode(builders.trade()), "is no command"),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_what_is_no_command_at_all_is_refused(desk: Running, name: bytes, body: bytes, says: str) -> None:
    await is_refused(desk, "command", name, body, says=says)
    await works_on(desk)


async def test_a_signal_with_an_impossible_value_is_refused_by_its_name(desk: Running) -> None:
    name, body = encode(signal(SOL, price="200"))
    plain = json.loads(body)
    wrong: dict[str, Sequence[Any]] = {
        "size_multiplier": (*NOT_NUMBERS, "1.01", "1e9"),
        "symbol": ("", "sol", 5),
        "side": ("up", None),
        "slot": (1, -900_000, "now", 2**70),
        "valid_until": (-1, 2**70, None),
        "surprise": (1,),
    }
    for field, values in wrong.items():
        for value in values:
            await is_refused(desk, "signal", name, json.dumps({**plain, field: value}).encode(), says=field)
    inside: dict[str, Sequence[Any]] = {"price": NOT_NUMBERS, "atr": [*NOT_NUMBERS[:3], "1e999999"]}
    inside |= {"confidence": ("NaN", "1e999999"), "adx": ("NaN", "1e999999"), "votes": (7,), "surprise": (1,)}
    for field, values in inside.items():
        for value in values:
            changed = {**plain, "decision": {**plain["decision"], field: value}}
            await is_refused(desk, "signal", name, json.dumps(changed).encode(), says=f"decision.{field}")
    await works_on(desk)


async def test_a_signal_of_a_far_future_is_refused(desk: Running) -> None:
    year = Instant(SLOT + 365 * 86_400_000)
    name, body = encode(signal(SOL, price="200", slot=year, valid_until=Instant(year + 900_000)))
    await is_refused(desk, "signal", name, body, says="slot")
    await works_on(desk)


@pytest.mark.parametrize("message", [builders.stop_move(position_id="x"), signal(SOL, price="200", at=Instant(9**14))])
async def test_no_word_of_anybody_moves_the_markets_clock(desk: Running, message: Message) -> None:
    """A single message from the year 2700 would let every later signal expire."""
    before = desk.desk.market.now()
    name, body = encode(message)
    desk.room.server.add(message.stream(), name, json.dumps({**json.loads(body), "at": 9**14}).encode())
    await desk.passes(1)
    assert desk.desk.market.now() < before + 86_400_000
    await works_on(desk)


async def test_a_signal_for_what_the_venue_does_not_list_is_declined_and_shown(desk: Running) -> None:
    await desk.bus.publish(signal(Symbol("NOPEUSDT")))
    await desk.passes(1)
    assert desk.declined() == ["symbol"]
    assert len(desk.room.venue.asked) == 2  # leverage and entry of BTCUSDT
    await works_on(desk)
