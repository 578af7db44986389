"""A whole trade in the parent, before anything is forked: imports, schemas, statements and patterns are paid once."""

import asyncio
import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

import structlog
import uvloop

from libs.common.bus.redis_streams import RedisBus
from libs.common.clock import SystemClock
from libs.common.service import serve
from libs.common.units import Symbol
from services.executor.core.kept import PositionStatus
from services.postmortem.service import Postmortem
from tests.chaos.matrix.executor_process import PREFIX, Birth, serve_executor
from tests.chaos.matrix.patience import until
from tests.chaos.matrix.tape import BEFORE_MS, START
from tests.chaos.matrix.warm_ledger import open_ledger
from tests.chaos.matrix.world import RedisServer, exchange
from tests.support import builders
from tests.support.trading_room import signal

WITHIN_S: Final = 20.0
BTC: Final = Symbol("BTCUSDT")


def rehearse() -> None:
    """Trade once and take everything apart again: no thread, loop, connection or child is left."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    stood, home = Path.cwd(), Path(tempfile.mkdtemp(prefix="ironkeel-rehearsal-"))
    redis = RedisServer(home)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_trade(home, redis.url))
    finally:
        redis.stop()
        os.chdir(stood)
        shutil.rmtree(home)
        structlog.reset_defaults()


async def _trade(home: Path, redis_url: str) -> None:
    clock = SystemClock()
    ledger = open_ledger(home)
    async with (
        exchange(home) as venue,
        RedisBus.connect(
            redis_url, prefix=PREFIX, service="postmortem", instance="rehearsal", cursors=None, clock=clock
        ) as bus,
    ):
        birth = Birth("rehearsal", home, venue.endpoint, redis_url, (), 0, "")
        serving = serve(Postmortem(), bus=bus, clock=clock)
        work = [asyncio.create_task(serve_executor(birth)), asyncio.create_task(serving)]

        def held() -> list[str]:
            with ledger.read() as pages:
                return [kept.position.position_id for kept in pages.positions(PositionStatus.OPEN)]

        await venue.moves({}, BEFORE_MS)
        price = builders.price(BTC, str(venue.price(BTC)), at=START)
        await bus.publish(price, signal(BTC, price=str(venue.price(BTC))))
        assert await until(lambda: bool(held()), within_s=WITHIN_S)
        with ledger.read() as pages:
            kept = pages.open_position(BTC)
        assert kept is not None
        named = {"position_id": kept.position.position_id, "side": kept.position.side, "version": kept.position.version}
        assert kept.position.stop is not None
        await bus.publish(builders.stop_move(stop=kept.position.stop + 5, **named), builders.position_close(**named))
        assert await until(lambda: not held(), within_s=WITHIN_S)
        await venue.audit()
        for each in work:
            each.cancel()
        await asyncio.gather(*work, return_exceptions=True)
    ledger.close()
