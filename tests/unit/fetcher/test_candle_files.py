import asyncio
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from structlog.testing import capture_logs

from libs.common.candle_days import grow, read_series
from libs.common.candle_panel import times_of
from libs.common.contracts.market import CandleClosed
from libs.common.contracts.registry import encode
from libs.common.exchange.market_types import Candle
from libs.common.units import Instant, Price, Qty, Symbol, Timeframe, Usd
from services.fetcher.adapters.candle_files import CandleFiles
from tests.support.filing import FilingHere, files_in
from tests.support.venue_candles import BTC, MORNING, as_message, venue_candle

M15 = Timeframe.M15
KEY = (BTC, M15)
D = Decimal


def candle(n: int) -> CandleClosed:
    return as_message(venue_candle(n))


async def file(files: CandleFiles, *numbers: int) -> None:
    for n in numbers:
        files.note(candle(n))
    assert await files.flush()


def rows(folder: Path) -> list[int]:
    table = read_series(folder, KEY)
    return [] if table is None else [(ts - MORNING) // M15.ms for ts in times_of(table)]


async def given(files: CandleFiles, first: int, limit: int = 1_000) -> Sequence[Candle]:
    await files.ends([KEY])
    return await files.candles(KEY, Instant(MORNING + first * M15.ms), limit)


async def test_candles_are_in_the_files_sorted_and_each_once(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    await file(files, 1, 0)
    await file(files, 2, 1)
    assert rows(tmp_path) == [0, 1, 2]


async def test_a_file_has_the_layout_that_training_reads(tmp_path: Path) -> None:
    await file(files_in(tmp_path), 0)
    frame = pd.read_parquet(tmp_path / "BTCUSDT-15m.parquet", columns=["ts", "open", "high", "low", "close", "volume"])
    assert {name: str(kind) for name, kind in frame.dtypes.items()} == {
        "ts": "int64",
        "open": "float64",
        "high": "float64",
        "low": "float64",
        "close": "float64",
        "volume": "float64",
    }
    assert frame.iloc[0].to_dict() == {
        "ts": MORNING,
        "open": 1000,
        "high": 1002,
        "low": 999,
        "close": 1001,
        "volume": 10,
    }


async def test_nothing_to_write_writes_nothing(tmp_path: Path) -> None:
    assert await files_in(tmp_path / "live").flush()
    assert not (tmp_path / "live").exists()


async def test_two_fetchers_that_write_one_series_lose_nothing(tmp_path: Path) -> None:
    first, second = files_in(tmp_path), files_in(tmp_path)
    for n in range(40):
        (first if n % 2 else second).note(candle(n))
    await asyncio.gather(first.flush(), second.flush())
    assert rows(tmp_path) == list(range(40))


async def test_a_series_says_how_far_it_goes(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    assert await files.ends([KEY]) == {KEY: None}
    await file(files, 5, 4)
    assert await files.ends([KEY]) == {KEY: candle(5).open_at}
    (tmp_path / f"{BTC}-15m.parquet").write_bytes(b"PAR1 but no more")
    assert await files.ends([KEY]) == {KEY: None}


async def test_a_torn_file_is_put_aside_and_said_to_be_whole_only_when_it_was_filed_again(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    await file(files, 0, 1)
    torn = tmp_path / f"{BTC}-15m.parquet"
    torn.write_bytes(b"PAR1 but no more")
    await files.ends([KEY])
    files.note(candle(2))
    assert not await files.flush()
    assert torn.with_suffix(".unreadable").read_bytes() == b"PAR1 but no more"
    assert await files.ends([KEY]) == {KEY: None}
    await file(files, *range(3))
    assert await files.ends([KEY]) == {KEY: candle(2).open_at}


@pytest.mark.parametrize(
    ("number", "turnover"),
    [
        ("60000.1", "123456789012.123456789"),  # turnover has more digits than a float64
        ("60000", "0"),
        ("0.0000071", "0.000012345678901234567"),
        ("117337.70000000001", "1E+3"),
    ],
)
async def test_a_candle_comes_back_as_the_venue_told_it_to_the_digit(
    tmp_path: Path, number: str, turnover: str
) -> None:
    price = Price(D(number))
    told = venue_candle(
        0, open=price, high=price, low=price, close=price, volume=Qty(D(number)), turnover=Usd(D(turnover))
    )
    files = files_in(tmp_path)
    files.note(as_message(told))
    await files.flush()
    [back] = await given(files, 0)
    assert back == told._replace(closed=True)
    assert encode(as_message(back)) == encode(as_message(told))


async def test_a_candle_that_a_float_does_not_hold_is_not_given_and_neither_is_what_follows(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    for n in range(4):
        fine = D("1000.123456789012345678") if n == 2 else D(1000)
        files.note(as_message(venue_candle(n, open=Price(fine))))
    await files.flush()
    assert [c.open_at for c in await given(files, 0)] == [candle(0).open_at, candle(1).open_at]


async def test_the_files_give_what_follows_without_a_hole_and_no_more_than_is_asked(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    await file(files, 0, 1, 2, 4)
    await file(files, 5)
    assert [(c.open_at - MORNING) // M15.ms for c in await given(files, 0)] == [0, 1, 2]
    assert [(c.open_at - MORNING) // M15.ms for c in await given(files, 1, limit=1)] == [1]
    assert [(c.open_at - MORNING) // M15.ms for c in await given(files, 4)] == [4, 5]
    assert not await given(files, 3)
    assert not await given(files, 6)


async def test_what_came_from_the_files_is_not_written_to_them_again(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    await file(files, *range(3))
    before = (tmp_path / f"{BTC}-15m.parquet").stat().st_mtime_ns
    for back in [*await given(files, 0, limit=2), *await given(files, 2)]:
        files.note(as_message(back))
    assert await files.flush()
    assert (tmp_path / f"{BTC}-15m.parquet").stat().st_mtime_ns == before
    assert not (tmp_path / "days").exists()


async def test_what_came_from_a_file_that_is_torn_since_is_written_again(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    await file(files, *range(3))
    back = [as_message(each) for each in await given(files, 0)]
    (tmp_path / f"{BTC}-15m.parquet").write_bytes(b"PAR1 but no more")
    files.note(candle(96))  # a day later: the file would have to be read
    files.note(candle(3))
    assert not await files.flush()
    for each in back:
        files.note(each)
    assert await files.flush()
    assert rows(tmp_path) == [0, 1, 2]


async def test_files_without_a_turnover_are_asked_of_the_venue(tmp_path: Path) -> None:
    """A panel that was downloaded or imported."""
    pd.DataFrame(
        {"ts": [MORNING], "open": [1.0], "high": [1.0], "low": [1.0], "close": [1.0], "volume": [1.0]}
    ).to_parquet(tmp_path / "BTCUSDT-15m.parquet", index=False)
    assert not await given(files_in(tmp_path), 0)


async def test_many_waiting_candles_are_to_be_written_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.fetcher.adapters.candle_files.FULL", 3)
    files = files_in(tmp_path)
    for n in range(3):
        assert not files.is_full
        files.note(candle(n))
    assert files.is_full
    await files.flush()
    assert not files.is_full


async def test_what_a_start_loads_is_written_portion_by_portion_whole_series_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.fetcher.adapters.candle_files.PORTION", 3)
    sizes: list[int] = []

    def sized(folder: Path, new: Mapping[Any, Sequence[Any]], **how: Any) -> bool:
        sizes.append(sum(map(len, new.values())))
        return grow(folder, new, **how)

    monkeypatch.setattr("services.fetcher.adapters.filing.work.grow", sized)
    files = files_in(tmp_path)
    symbols = [Symbol(f"S{n}USDT") for n in range(4)]
    for symbol in symbols:
        files.note(*(venue_candle(n, symbol=symbol) for n in range(2)))
    assert await files.flush()
    assert sizes == [4, 4]
    ends = await files.ends([(symbol, M15) for symbol in symbols])
    assert set(ends.values()) == {candle(1).open_at}


async def test_what_was_not_written_when_a_flush_was_cut_short_waits_on(tmp_path: Path) -> None:
    class Hanging(FilingHere):
        hangs = asyncio.Event()

        async def ask(self, question: Mapping[str, Any]) -> Any:
            if not self.hangs.is_set():
                self.hangs.set()
                await asyncio.Event().wait()
            return await super().ask(question)

    writing = Hanging(tmp_path)
    files = CandleFiles(tmp_path, FilingHere(tmp_path), writing)
    files.note(venue_candle(0), venue_candle(1))
    flushing = asyncio.create_task(files.flush())
    await writing.hangs.wait()
    files.note(venue_candle(2))
    flushing.cancel()
    await asyncio.gather(flushing, return_exceptions=True)
    assert await files.flush()
    assert rows(tmp_path) == [0, 1, 2]


async def test_nobody_is_asked_about_files_where_there_are_none(tmp_path: Path) -> None:
    class Nobody:
        async def ask(self, _question: Mapping[str, Any]) -> Any:
            raise AssertionError("there is nothing to be read")

    for folder in (tmp_path / "live", tmp_path):
        assert await CandleFiles(folder, Nobody(), Nobody()).ends([KEY]) == {KEY: None}


async def test_what_a_full_disk_does_not_take_waits_until_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "live"
    folder.write_text("no folder can be made here")
    files = files_in(folder)
    files.note(candle(0))
    with capture_logs() as said:
        assert await files.flush()
    assert [(each["event"], each["log_level"]) for each in said] == [("candles.not_written", "error")]
    files.note(candle(1))
    folder.unlink()
    assert await files.flush()
    assert rows(folder) == [0, 1]

    monkeypatch.setattr("services.fetcher.adapters.candle_files.FULL", 1)
    monkeypatch.setattr("services.fetcher.adapters.filing.work.grow", full_disk)
    for n in (2, 3):
        files.note(candle(n))
    assert not await files.flush()  # memory is bounded: they are in Redis, and filed again from there
    assert not files.is_full


def full_disk(*_: object, **__: object) -> bool:
    raise OSError(28, "No space left on device")
