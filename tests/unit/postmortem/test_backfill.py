import asyncio
from pathlib import Path

import httpx
import pytest
from structlog.testing import capture_logs

from libs.common.bus.memory import Crash, MemoryBus
from libs.common.clock import VirtualClock
from libs.common.errors import Transient
from libs.common.units import Instant
from services.postmortem.adapters.backfill import FIRST_WAIT_S, OVERLAP_MS
from services.postmortem.core.report import explain, lesson_of
from tests.support.postmortems import ExecutorRest, Office, backfill_of, open_office
from tests.support.trades import trade

LATE = Instant(10**13)
TRADES = [
    trade(trade_id=f"t{number}", exit_price="98" if number % 2 else "110", closed_at=Instant(LATE + number))
    for number in range(5)
]
LOSSES = ["t1", "t3"]


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return open_office(tmp_path, VirtualClock())


@pytest.mark.parametrize("envelope", [True, False])
async def test_every_page_is_read_and_every_trade_is_dealt_with_once(office: Office, envelope: bool) -> None:
    bus, rest = MemoryBus(), ExecutorRest(TRADES, envelope=envelope)
    backfill = backfill_of(office, bus, rest)
    assert await backfill.catch_up(Instant(0)) == len(TRADES)
    assert await backfill.catch_up(Instant(0)) == 0
    assert office.filed == LOSSES
    expected = [each.id for t in TRADES if t.trade_id in LOSSES for each in (explain(t), lesson_of(explain(t)))]
    assert [message.id for message in bus.published] == expected
    assert len(office.index.outcomes()) == len(TRADES)


async def test_dying_between_file_and_publish_is_made_good_by_the_next_look(office: Office) -> None:
    with pytest.raises(Crash):
        await backfill_of(office, MemoryBus(die_after=0), ExecutorRest(TRADES)).catch_up(Instant(0))
    assert office.filed == ["t1"]
    bus = MemoryBus()
    await backfill_of(office, bus, ExecutorRest(TRADES)).catch_up(Instant(0))
    assert [message.stream() for message in bus.published] == ["postmortem", "lesson"] * 2


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(503),
        httpx.Response(200, content=b"<html>"),
        httpx.Response(200, json={"items": []}),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={"items": [{"trade_id": "t1"}], "next": None}),
        httpx.Response(200, json={"items": [{"trade_id": "t1", "closed_at": "soon"}], "next": None}),
    ],
)
async def test_an_answer_that_makes_no_sense_is_for_later(office: Office, answer: httpx.Response) -> None:
    with pytest.raises(Transient):
        await backfill_of(office, MemoryBus(), lambda _request: answer).catch_up(Instant(0))


async def test_a_trade_that_admits_of_no_report_does_not_hold_up_the_others(office: Office) -> None:
    impossible = trade(trade_id="t0", qty="0", gross="-1")
    with capture_logs() as logs:
        await backfill_of(office, MemoryBus(), ExecutorRest([impossible, *TRADES[1:]])).catch_up(Instant(0))
    assert office.filed == LOSSES
    assert [line["trade"] for line in logs if line["event"] == "report.impossible"] == ["t0"]


async def turns() -> None:
    """Let everything run that can."""
    for _ in range(50):
        await asyncio.sleep(0)


async def test_an_executor_that_is_down_is_waited_for_and_later_looks_ask_for_what_is_new(tmp_path: Path) -> None:
    clock = VirtualClock()
    office, rest = open_office(tmp_path, clock), ExecutorRest(TRADES)
    rest.down = True
    running = asyncio.create_task(backfill_of(office, MemoryBus(), rest, every_s=60).run())
    await turns()
    assert office.filed == []
    rest.down = False
    clock.advance(FIRST_WAIT_S)
    await turns()
    assert office.filed == LOSSES
    for _ in range(2):
        clock.advance(60)
        await turns()
    assert rest.asked == [0, 0, LATE + 4 - OVERLAP_MS]
    assert not running.done()
    running.cancel()
