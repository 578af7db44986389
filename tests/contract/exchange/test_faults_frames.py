"""Misfortunes of what is pushed, as a WebSocket client hears them."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from libs.common.exchange.trading_types import StreamDown, StreamUp
from libs.common.units import MINUTE_MS
from tests.support.trader import BTC, ENTRY, Trader, trader_at
from tests.support.venue_socket import VenueSocket, listening

pytestmark = pytest.mark.anyio
KLINE = "kline.5.BTCUSDT"
CANDLE_MS = 5 * MINUTE_MS


@pytest.fixture
async def trader(tmp_path: Path) -> AsyncIterator[Trader]:
    async with trader_at(tmp_path) as trading:
        yield trading


async def candles(trader: Trader, line: VenueSocket, many: int) -> list[Any]:
    """The next closed candles that are heard, from a market that goes on minute by minute."""
    heard: list[Any] = []
    while len(heard) < many:
        await trader.venue.steps(CANDLE_MS)
        frame = await line.hear_topic(KLINE)
        heard += [row["start"] for row in frame["data"] if row["confirm"]]
    return heard


async def heard_after(trader: Trader, line: VenueSocket, rule: str, **match: Any) -> list[str]:
    """The topics that are heard of one entry, up to the one that follows it."""
    await trader.venue.fault(rule, **match)
    await trader.enters()
    await line.say(op="ping")
    heard: list[str] = []
    while True:
        frame = await line.hear()
        if frame.get("op") in {"ping", "pong"}:
            return heard
        heard.append(frame["topic"])


USUAL = ["order", "order", "execution", "order", "position", "wallet"]


async def test_without_a_rule_everything_is_heard_once_in_order(trader: Trader) -> None:
    async with listening(trader.venue, "private", "order", "execution", "position", "wallet") as line:
        await trader.enters()
        assert [(await line.hear())["topic"] for _ in USUAL] == USUAL


async def test_a_dropped_frame_is_never_heard_and_the_books_have_it(trader: Trader) -> None:
    async with listening(trader.venue, "private", "execution", "wallet") as line:
        assert await heard_after(trader, line, "drop_frames", topic="execution") == ["wallet"]
    assert len((await trader.books())["fills"]) == 1


async def test_a_duplicated_frame_is_heard_twice_and_happened_once(trader: Trader) -> None:
    async with listening(trader.venue, "private", "execution", "wallet") as line:
        heard = await heard_after(trader, line, "duplicate_frames", topic="execution")
    assert heard == ["execution", "execution", "wallet"]
    assert len((await trader.books())["fills"]) == 1


async def test_a_reordered_frame_comes_after_the_next_one(trader: Trader) -> None:
    async with listening(trader.venue, "private", "execution", "wallet") as line:
        assert await heard_after(trader, line, "reorder_frames", topic="execution") == ["wallet", "execution"]


async def test_a_reordered_frame_that_none_follows_comes_all_the_same(trader: Trader) -> None:
    async with listening(trader.venue, "private", "wallet") as line:
        await trader.venue.fault("reorder_frames", topic="wallet", delay_ms=50)
        await trader.enters()
        assert (await line.hear())["topic"] == "wallet"


async def test_a_delayed_frame_holds_up_those_behind_it(trader: Trader) -> None:
    async with listening(trader.venue, "private", "execution", "wallet") as line:
        heard = await heard_after(trader, line, "delay_frames", topic="execution", delay_ms=300)
    assert heard == ["execution", "wallet"]


async def test_frames_are_chosen_by_order_and_stream_too(trader: Trader) -> None:
    async with listening(trader.venue, "private", "execution", "wallet") as line:
        await trader.venue.fault("drop_frames", stream="public", times=9)
        await trader.venue.fault("drop_frames", symbol="ETHUSDT", times=9)
        assert await heard_after(trader, line, "drop_frames", order=ENTRY) == ["wallet"]


async def test_closed_candles_can_be_lost_twice_or_late_on_the_public_stream(trader: Trader) -> None:
    async with listening(trader.venue, "public/linear", KLINE) as line:
        first, *_ = await candles(trader, line, 1)
        await trader.venue.fault("drop_frames", topic="kline.5", symbol=BTC, stream="public", times=1_000)
        await trader.venue.steps(CANDLE_MS)
        await trader.venue.http.delete("/paper/v1/faults")
        later, *_ = await candles(trader, line, 1)
        assert later > first + CANDLE_MS


async def test_candles_of_another_symbol_are_spared(trader: Trader) -> None:
    async with listening(trader.venue, "public/linear", KLINE) as line:
        await trader.venue.fault("drop_frames", symbol="ETHUSDT", times=1_000)
        first, second = await candles(trader, line, 2)
        assert second == first + CANDLE_MS


@pytest.mark.parametrize(
    ("rule", "cut"),
    [
        ({}, {"private", "public/linear"}),
        ({"stream": "private"}, {"private"}),
        ({"stream": "public"}, {"public/linear"}),
    ],
)
async def test_lines_are_cut_by_stream_and_can_be_opened_again(
    trader: Trader, rule: dict[str, str], cut: set[str]
) -> None:
    async with (
        listening(trader.venue, "private", "wallet") as private,
        listening(trader.venue, "public/linear", KLINE) as public,
    ):
        answer = await trader.venue.fault("disconnect", **rule)
        assert answer["hit"] == len(cut)
        for line, name in ((private, "private"), (public, "public/linear")):
            if name not in cut:
                await line.say(op="ping")
            assert await line.is_cut() is (name in cut)
    async with listening(trader.venue, "private", "wallet") as again:
        await trader.enters()
        assert (await again.hear())["topic"] == "wallet"


async def test_our_own_adapter_notices_that_its_line_was_cut_and_comes_back(trader: Trader) -> None:
    told: list[type] = []
    async for event in trader.trading.private():
        told.append(type(event))
        if told == [StreamUp]:
            await trader.venue.fault("disconnect", stream="private")
        if told[-1] is StreamUp and len(told) > 1:
            break
    assert told == [StreamUp, StreamDown, StreamUp]
