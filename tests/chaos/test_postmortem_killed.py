"""The real postmortem process on a real Redis, killed with SIGKILL while trades stream in."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from random import Random

import orjson
import pytest

from libs.common.bus.redis_streams import RedisBus
from libs.common.clock import SystemClock
from libs.common.contracts.trades import TradeClosed
from libs.common.redis_connection import open_redis
from libs.common.units import Instant
from services.postmortem.adapters.archive import Archive, as_bytes
from services.postmortem.adapters.index import Index
from services.postmortem.core.report import explain, is_loss
from tests.support.process import ServiceProcess
from tests.support.trades import OPENED_AT, trade
from tests.support.waiting import eventually

TRADES = 40
KILLS = 4  # one fewer than the hand-outs after which an entry counts as deadly


def made_trades(dice: Random) -> list[TradeClosed]:
    """Losses and winners in a random order, a minute apart."""
    return [
        trade(
            trade_id=f"ika-BTCUSDT-{number:x}-e",
            exit_price=dice.choice(["97.9", "98", "103"]),
            closed_at=Instant(OPENED_AT + number * 60_000),
        )
        for number in range(TRADES)
    ]


@pytest.fixture
def service(tmp_path: Path, redis_url: str, redis_prefix: str) -> Iterator[ServiceProcess]:
    process = ServiceProcess("postmortem", home=tmp_path, redis_url=redis_url, prefix=redis_prefix)
    process.start()
    yield process
    process.kill()


class Streams:
    """What lies on the streams."""

    def __init__(self, url: str, prefix: str) -> None:
        self._redis, self._prefix = open_redis(url), prefix

    async def ids(self, stream: str) -> list[str]:
        rows = await self._redis.xrange(self._prefix + stream) or []
        return [orjson.loads(fields[b"m"])["id"] for _, fields in rows if fields]

    async def is_done(self, stream: str, group: str) -> bool:
        """Whether the group was handed everything and acknowledged it."""
        groups = await self._redis.xinfo_groups(self._prefix + stream)
        return any(each["name"].decode() == group and each["lag"] == each["pending"] == 0 for each in groups)


@pytest.mark.parametrize("seed", [1, 2])
async def test_killed_at_any_moment_it_explains_every_loss_exactly_once(
    tmp_path: Path, redis_url: str, redis_prefix: str, service: ServiceProcess, seed: int
) -> None:
    dice, streams, archive = Random(seed), Streams(redis_url, redis_prefix), Archive(tmp_path / "postmortems")
    trades = made_trades(dice)
    losses = {each.trade_id: each for each in trades if is_loss(each)}

    async def has_written(number: int) -> bool:
        return len(list(archive.reports())) >= number

    connected = RedisBus.connect(
        redis_url, prefix=redis_prefix, service="executor", instance="executor", cursors=None, clock=SystemClock()
    )
    async with connected as bus:
        share = TRADES // (KILLS + 1)
        for part in range(KILLS):
            before = len(list(archive.reports()))
            await bus.publish(*trades[part * share : (part + 1) * share])
            await eventually(partial(has_written, before + dice.randrange(1, 3)))
            service.kill()
            service.start()
        await bus.publish(*trades[KILLS * share :])
    await eventually(partial(streams.is_done, "trade", "postmortem"))

    reports = {each.trade_id: archive.path(each.trade_id).read_bytes() for each in archive.reports()}
    assert reports == {each: as_bytes(explain(lost)) for each, lost in losses.items()}
    index = Index(archive.folder)
    assert {each.trade_id for each in index.outcomes()} == {each.trade_id for each in trades}
    index.close()
    assert set(await streams.ids("postmortem")) == {explain(lost).id for lost in losses.values()}
    assert len(set(await streams.ids("lesson"))) == len(losses)
    assert await streams.ids("dead") == []


async def test_told_to_stop_it_ends_cleanly(service: ServiceProcess, tmp_path: Path) -> None:
    async def announced() -> bool:
        return (tmp_path / "run" / "postmortem-2.json").exists()

    await eventually(announced)
    assert service.stop() == 0, service.said()
    assert not await announced()
