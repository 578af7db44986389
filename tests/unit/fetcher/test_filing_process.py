import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from libs.common.candle_panel import writing
from libs.common.clock import VirtualClock
from libs.common.units import Timeframe
from services.fetcher.adapters.candle_files import CandleFiles
from services.fetcher.adapters.filing.process import IDLE_S, FilingProcess
from tests.support.venue_candles import BTC, venue_candle
from tests.support.waiting import eventually

ENDS = {"what": "ends", "keys": ["BTCUSDT 15m"]}
LINE = "1757894400000,1000,1002,999,1001,10,10000"


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
async def filing(tmp_path: Path, clock: VirtualClock) -> AsyncIterator[FilingProcess]:
    async with FilingProcess(tmp_path / "live", clock, answers_within_s=60) as filing:
        await filing.start()
        yield filing


def growing(*lines: str, anew: Sequence[str] = ()) -> Mapping[str, Any]:
    return {"what": "grow", "lines": {"BTCUSDT 15m": "\n".join(lines)}, "anew": anew}


def pid_of(filing: FilingProcess) -> int | None:
    process = filing._process
    return process.pid if process else None


async def test_what_is_written_is_read_back_to_the_digit(filing: FilingProcess) -> None:
    assert await filing.ask(ENDS) == [None]
    assert await filing.ask(growing(LINE))
    assert await filing.ask(ENDS) == [1_757_894_400_000]
    asked = {"what": "candles", "key": "BTCUSDT 15m", "start": 1_757_894_400_000, "limit": 10}
    assert await filing.ask(asked) == [LINE]


async def test_it_ends_when_nothing_was_asked_for_a_while_and_starts_when_something_is(
    filing: FilingProcess, clock: VirtualClock
) -> None:
    first = pid_of(filing)
    assert first is not None
    await filing.ask(ENDS)
    assert pid_of(filing) == first

    async def has_ended() -> bool:
        clock.advance(IDLE_S / 2)
        return pid_of(filing) is None

    assert await eventually(has_ended)
    await filing.ask(ENDS)
    assert pid_of(filing) not in (None, first)


async def test_a_process_that_was_killed_is_started_again_and_asked_once_more(filing: FilingProcess) -> None:
    await filing.ask(growing(LINE))
    killed = pid_of(filing)
    assert killed is not None
    os.kill(killed, signal.SIGSTOP)
    asking = asyncio.ensure_future(filing.ask(ENDS))
    await asyncio.sleep(0)
    os.kill(killed, signal.SIGKILL)
    assert await asking == [1_757_894_400_000]
    assert pid_of(filing) not in (None, killed)


async def test_a_stop_that_is_told_to_all_of_a_fetchers_processes_is_the_fetchers(filing: FilingProcess) -> None:
    await filing.ask(ENDS)
    pid = pid_of(filing)
    assert pid is not None
    os.kill(pid, signal.SIGTERM)
    os.kill(pid, signal.SIGINT)
    assert await filing.ask(growing(LINE))
    assert pid_of(filing) == pid


async def test_a_process_that_died_while_nobody_asked_is_started_again_with_the_next_question(
    filing: FilingProcess,
) -> None:
    await filing.ask(growing(LINE))
    process = filing._process
    assert process is not None
    for is_noticed in (False, True):
        process.kill()
        if is_noticed:
            await process.wait()
        assert await filing.ask(ENDS) == [1_757_894_400_000]
        assert filing._process is not process
        process = filing._process
        assert process is not None


async def test_a_process_that_hangs_is_killed_and_is_an_error(tmp_path: Path, clock: VirtualClock) -> None:
    async with FilingProcess(tmp_path / "live", clock, answers_within_s=2) as filing:
        await filing.start()
        hanging = pid_of(filing)
        assert hanging is not None
        os.kill(hanging, signal.SIGSTOP)
        with pytest.raises(OSError, match="no answer within 2 s"):
            await filing.ask(ENDS)
        assert pid_of(filing) is None


async def test_a_question_that_cannot_be_answered_is_an_error_and_not_the_end(filing: FilingProcess) -> None:
    pid = pid_of(filing)
    with pytest.raises(OSError, match="nobody was expected to ask"):
        await filing.ask({"what": "anything"})
    assert await filing.ask(ENDS) == [None]
    assert pid_of(filing) == pid


async def test_who_stops_waiting_has_it_done_all_the_same(filing: FilingProcess) -> None:
    await filing.ask(ENDS)
    asking = asyncio.ensure_future(filing.ask(growing(LINE)))
    await asyncio.sleep(0)
    asking.cancel()
    assert await filing.ask(ENDS) == [1_757_894_400_000]
    assert asking.cancelled()


async def test_what_the_disk_does_not_take_is_an_error_that_says_why(filing: FilingProcess, tmp_path: Path) -> None:
    (tmp_path / "live").write_text("no folder can be made here")
    with pytest.raises(OSError, match="File exists"):
        await filing.ask(growing(LINE))


async def test_what_it_has_to_say_is_logged_by_the_fetcher(filing: FilingProcess, tmp_path: Path) -> None:
    torn = tmp_path / "live" / "BTCUSDT-15m.parquet"
    torn.parent.mkdir()
    torn.write_bytes(b"PAR1 but no more")
    with capture_logs() as said:
        assert not await filing.ask(growing(LINE, anew=["BTCUSDT 15m"]))
    assert [(each["event"], each["log_level"], each["file"]) for each in said] == [
        ("candles.unreadable", "error", str(torn))
    ]


async def test_what_is_read_does_not_wait_for_another_fetcher_that_writes(tmp_path: Path, clock: VirtualClock) -> None:
    async with (
        FilingProcess(tmp_path, clock, answers_within_s=60) as reading,
        FilingProcess(tmp_path, clock, answers_within_s=60) as mine,
    ):
        files = CandleFiles(tmp_path, reading, mine)
        with writing(tmp_path):
            files.note(venue_candle(0))
            flushing = asyncio.ensure_future(files.flush())
            assert await files.ends([(BTC, Timeframe.M15)]) == {(BTC, Timeframe.M15): None}
            assert not flushing.done()
        assert await flushing
        assert await files.ends([(BTC, Timeframe.M15)]) == {(BTC, Timeframe.M15): venue_candle(0).open_at}


async def test_whoever_ends_lets_what_was_asked_be_done(
    tmp_path: Path, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.fetcher.adapters.filing.process.ENDS_S", 60)
    async with FilingProcess(tmp_path / "live", clock, answers_within_s=60) as filing:
        asking = asyncio.ensure_future(filing.ask(growing(LINE)))
        await asyncio.sleep(0)
    assert await asking
    assert (tmp_path / "live" / "BTCUSDT-15m.parquet").exists()


async def test_whoever_ends_does_not_wait_for_what_takes_too_long(
    tmp_path: Path, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.fetcher.adapters.filing.process.ENDS_S", 0.05)
    with writing(tmp_path):
        async with FilingProcess(tmp_path, clock, answers_within_s=60) as filing:
            asking = asyncio.ensure_future(filing.ask(growing(LINE)))
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await asking
    assert pid_of(filing) is None
