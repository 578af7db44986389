"""Between buffer and handler: an entry that was delivered before is counted in Redis on its way."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager

import pytest

from libs.common.bus.redis_streams import RedisBus
from libs.common.bus.redis_work import WorkReader
from libs.common.clock import SystemClock
from tests.contract.bus.conftest import patient
from tests.support.builders import signal
from tests.support.waiting import take


async def test_what_the_housekeeper_drops_meanwhile_does_not_end_the_process(
    redis_url: str, redis_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A replica claimed the entry while it was being counted: the keeper of the house took it out of the buffer."""

    async def counted_slowly(self: WorkReader, _stream: str, _counts: Mapping[str, int]) -> None:
        self._buffer.clear()

    def connected() -> AbstractAsyncContextManager[RedisBus]:
        return RedisBus.connect(
            redis_url,
            prefix=redis_prefix,
            service="executor",
            instance="executor",
            cursors=None,
            clock=SystemClock(),
            limits=patient(),
        )

    async with connected() as first:
        await first.publish(signal())
        await take(first.read(["signal"]), 1)
    monkeypatch.setattr(WorkReader, "_count", counted_slowly)
    async with connected() as again:
        [delivery] = await take(again.read(["signal"]), 1)
    assert delivery.deliveries == 2
