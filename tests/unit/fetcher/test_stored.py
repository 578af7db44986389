from collections.abc import Sequence
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from libs.common.bus.memory import MemoryBus, MemoryServer
from libs.common.candle_days import read_series
from libs.common.candle_panel import times_of
from libs.common.clock import VirtualClock
from libs.common.errors import Transient
from libs.common.units import Instant, Symbol, Timeframe
from services.fetcher.adapters.stored import Stored
from tests.support.filing import files_in
from tests.support.venue_candles import BTC, venue_candle

KEY = (BTC, Timeframe.M15)


class AwayBus(MemoryBus):
    is_away = False

    async def series_ends(self, keys: Sequence[tuple[Symbol, Timeframe]]) -> Sequence[Instant | None]:
        if self.is_away:
            raise Transient("scripted: Redis is away")
        return await super().series_ends(keys)


async def test_what_a_torn_file_lost_while_redis_was_away_is_filed_when_it_is_back(tmp_path: Path) -> None:
    bus = AwayBus(server=MemoryServer(), service="fetcher", instance="a", clock=VirtualClock())
    files = files_in(tmp_path)
    stored = Stored(bus, files, (Timeframe.M15,))
    candles = [venue_candle(n) for n in range(4)]
    await bus.append_history(candles)
    await stored.filed([BTC])
    await stored.written([BTC])
    (tmp_path / f"{BTC}-15m.parquet").write_bytes(b"PAR1 but no more")
    await files.ends([KEY])
    files.note(venue_candle(4))

    bus.is_away = True
    with capture_logs() as said:
        await stored.written([BTC])
    assert [each["event"] for each in said][-1:] == ["files.not_whole"]
    assert await files.ends([KEY]) == {KEY: None}

    bus.is_away = False
    await stored.written([BTC])
    assert await files.ends([KEY]) == {KEY: candles[-1].open_at}


async def test_what_was_let_go_while_the_disk_was_full_leaves_no_hole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus = AwayBus(server=MemoryServer(), service="fetcher", instance="a", clock=VirtualClock())
    files = files_in(tmp_path)
    stored = Stored(bus, files, (Timeframe.M15,))
    candles = [venue_candle(n) for n in range(6)]
    await bus.append_history(candles[:2])
    await stored.filed([BTC])
    await stored.written([BTC])

    monkeypatch.setattr("services.fetcher.adapters.candle_files.FULL", 1)
    with monkeypatch.context() as disk:
        disk.setattr("services.fetcher.adapters.filing.work.grow", full_disk)
        await bus.append_history(candles[2:5])
        files.note(*candles[2:5])
        await stored.written([BTC])
    await bus.append_history(candles[5:])
    files.note(candles[5])
    await stored.written([BTC])
    table = read_series(tmp_path, KEY)
    assert table is not None
    assert times_of(table) == [candle.open_at for candle in candles]


def full_disk(*_: object, **__: object) -> bool:
    raise OSError(28, "No space left on device")
