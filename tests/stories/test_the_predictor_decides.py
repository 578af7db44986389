"""From closed candles to a signal, over the bus in memory."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
import pytest
from numpy.typing import NDArray

from libs.common.bus.memory import MemoryBus, MemoryServer
from libs.common.clock import SystemClock
from libs.common.contracts.market import CandleClosed
from libs.common.contracts.message import Message
from libs.common.contracts.signals import SignalMade
from libs.common.health import Health
from libs.common.locks.memory import MemoryLeases, MemoryLockServer
from libs.common.units import HOUR_MS, Fraction, Instant, Side, Symbol, Timeframe
from services.predictor.core.feature_table import WARM_UP
from services.predictor.core.judgement import Reason
from services.predictor.core.model_policy import ModelPolicy
from services.predictor.service import Predictor, predict
from tests.support.candles import BEGINNING, candle, candles, missing, walk
from tests.support.waiting import eventually

M15, M30, H1 = FRAMES = (Timeframe.M15, Timeframe.M30, Timeframe.H1)
BTC, ETH = Symbol("BTCUSDT"), Symbol("ETHUSDT")
TEN = Instant(BEGINNING + 10 * HOUR_MS)
SELLERS = {M15: (0.8, 0.1, 0.1), M30: (0.2, 0.7, 0.1), H1: (0.7, 0.2, 0.1)}


@dataclass
class Told:
    """Models that answer what they were told to."""

    answers: dict[Timeframe, tuple[float, float, float]] = field(default_factory=lambda: dict(SELLERS))
    version: str = "m-told"
    trained_until: Instant = Instant(0)

    def probabilities(self, timeframe: Timeframe, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.tile(self.answers[timeframe], (len(rows), 1))


@dataclass
class Desk:
    """A predictor at work in a world of its own."""

    server: MemoryServer = field(default_factory=MemoryServer)
    leases: MemoryLockServer = field(default_factory=lambda: MemoryLockServer(SystemClock()))
    models: Told = field(default_factory=Told)

    def __post_init__(self) -> None:
        self.fetcher = MemoryBus(server=self.server)
        self.reader = MemoryBus(server=self.server, service="executor")
        self.predictor = Predictor(ModelPolicy(self.models, FRAMES, 2, Fraction(Decimal("0.5"))))

    @asynccontextmanager
    async def at_work(self, instance: str = "predictor") -> AsyncIterator[None]:
        """The process runs while the block does; state in memory begins anew, streams stay."""
        self.predictor = Predictor(self.predictor.policy, self.predictor.patience_ms)
        work = asyncio.create_task(
            predict(
                self.predictor,
                bus=MemoryBus(server=self.server, service="predictor", instance=instance),
                leases=MemoryLeases(self.leases, service="predictor", instance=instance),
                clock=SystemClock(),
                health=Health("predictor"),
            )
        )
        yield
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)

    async def history(self, *symbols: Symbol, until: Instant = Instant(TEN - HOUR_MS)) -> None:
        for symbol in symbols:
            for timeframe in FRAMES:
                bars = walk(WARM_UP + 20, step_ms=timeframe.ms, start=until - (WARM_UP + 20) * timeframe.ms)
                await self.fetcher.append_history(candles(symbol, timeframe, bars))

    async def market(self, *messages: Message) -> None:
        """Candles close: into their series, and onto the stream."""
        for message in messages:
            if isinstance(message, CandleClosed):
                await self.fetcher.append_series(message)
            await self.fetcher.publish(message)

    def signals(self) -> Sequence[SignalMade]:
        sent = [entry.message() for entry in self.server.streams.get("signal", ())]
        return [message for message in sent if isinstance(message, SignalMade)]

    async def decided(self, slot: Instant, symbol: Symbol = BTC) -> Reason:
        """Wait until `symbol` is decided at `slot`; returns the reason."""

        async def there() -> bool:
            verdict = self.predictor.verdicts.get(symbol)
            return verdict is not None and verdict.slot == slot

        await eventually(there)
        return self.predictor.verdicts[symbol].judgement.reason


@pytest.fixture
async def desk() -> Desk:
    made = Desk()
    await made.history(BTC, ETH)
    return made


def hour(symbol: Symbol) -> list[CandleClosed]:
    """The candles of the hour before TEN, the last three of which close at TEN."""
    quarters = [candle(symbol, M15, TEN - n * M15.ms) for n in (4, 3, 2)]
    halves = [candle(symbol, M30, TEN - HOUR_MS)]
    closing = [candle(symbol, M15, TEN - M15.ms), candle(symbol, M30, TEN - M30.ms), candle(symbol, H1, TEN - H1.ms)]
    return [*quarters, *halves, *closing]


async def test_three_timeframes_have_closed_two_agree_and_a_signal_leaves(desk: Desk) -> None:
    async with desk.at_work():
        await desk.market(*hour(BTC))
        assert await desk.decided(TEN) is Reason.ADVISED
    signal = desk.signals()[-1]
    assert (signal.symbol, signal.side, signal.slot) == (BTC, Side.SHORT, TEN)
    assert signal.decision.rationale == "2/3 timeframes agree on SELL; XGBoost 75 %"
    assert signal.decision.model_version == "m-told"
    assert signal.source == "predictor/predictor"


async def test_when_the_models_hold_no_signal_leaves_and_the_reason_is_known(desk: Desk) -> None:
    desk.models.answers = dict.fromkeys(FRAMES, (0.2, 0.6, 0.2))
    async with desk.at_work():
        await desk.market(*hour(BTC))
        assert await desk.decided(TEN) is Reason.NO_AGREEMENT
    assert desk.signals() == []
    assert desk.predictor.verdicts[BTC].judgement.rationale == "3/3 timeframes say HOLD"


async def test_the_hour_comes_late_and_the_decision_waits_for_it(desk: Desk) -> None:
    desk.predictor.patience_ms = None
    async with desk.at_work():
        await desk.market(*hour(BTC)[:-1], *hour(ETH))
        await desk.decided(TEN, ETH)
        assert BTC not in desk.predictor.verdicts
        await desk.market(hour(BTC)[-1])
        assert await desk.decided(TEN) is Reason.ADVISED


async def test_the_hour_does_not_come_at_all_and_the_slot_is_declined(desk: Desk) -> None:
    desk.predictor.patience_ms = 1
    async with desk.at_work():
        await desk.market(*hour(BTC)[:-1])
        assert await desk.decided(TEN) is Reason.INCOMPLETE
        assert TEN not in [signal.slot for signal in desk.signals()]


async def test_an_hour_that_cannot_be_had_is_done_without(desk: Desk) -> None:
    async with desk.at_work():
        await desk.market(*hour(BTC)[:-1], missing(BTC, H1, TEN - H1.ms))
        assert await desk.decided(TEN) is Reason.ADVISED


async def test_a_candle_that_is_heard_again_after_a_restart_gives_the_same_signal(desk: Desk) -> None:
    async with desk.at_work():
        await desk.market(*hour(BTC))
        await desk.decided(TEN)
    first = desk.signals()[-1]
    desk.server.cursors.clear()  # the cursor file is gone: the whole stream is heard again
    async with desk.at_work():
        await desk.decided(TEN)
    again = desk.signals()[-1]
    assert again.model_copy(update={"sent": first.sent}) == first
    assert len({(signal.id, signal.side, signal.decision.feature_digest) for signal in desk.signals()}) == len(
        {signal.slot for signal in desk.signals()}
    )


async def test_a_gap_heals_from_the_stored_series(desk: Desk) -> None:
    unheard, *heard = hour(BTC)
    async with desk.at_work():
        await desk.market(candle(BTC, M15, TEN - 5 * M15.ms))  # an old one: the series are restored
        await desk.fetcher.append_series(unheard)  # stored, but never told
        await desk.market(*heard)
        assert await desk.decided(TEN) is Reason.ADVISED
        gapless = desk.signals()[-1].decision.feature_digest
    fresh = Desk()
    await fresh.history(BTC, ETH)
    async with fresh.at_work():
        await fresh.market(*hour(BTC))
        await fresh.decided(TEN)
    assert fresh.signals()[-1].decision.feature_digest == gapless


async def test_a_second_replica_takes_over_the_symbols_of_a_dead_one(desk: Desk) -> None:
    async with desk.at_work("predictor-2"):
        await desk.market(*hour(BTC))
        await desk.decided(TEN)
    desk.leases.flush()  # nobody renews the dead one's leases
    later = Instant(TEN + M15.ms)
    async with desk.at_work("predictor-3"):
        await desk.market(candle(BTC, M15, TEN))
        assert await desk.decided(later) is Reason.ADVISED
    assert desk.signals()[-1].source == "predictor/predictor-3"
