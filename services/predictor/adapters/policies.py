"""The policy that the settings ask for, made ready: the model is trained first if there is none yet."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing

import structlog

from libs.common.bus import Bus
from libs.common.clock import SystemClock
from libs.common.contracts.market import CandlesLoaded
from libs.common.errors import Fatal
from libs.common.health import Health
from libs.common.units import Instant, Symbol
from services.predictor.adapters.boosters import Boosters
from services.predictor.adapters.model_store import ModelStore
from services.predictor.adapters.trainer import train_first
from services.predictor.core.judgement import Policy
from services.predictor.core.model_policy import ModelPolicy
from services.predictor.core.random_policy import RandomPolicy
from services.predictor.settings import PredictorSettings
from services.predictor.training.compile import compile_kernel

log = structlog.get_logger()

HISTORY = "candles"
KERNEL = "feature kernel"


async def prepare_policy(settings: PredictorSettings, *, bus: Bus, health: Health) -> Policy:
    """Return the policy of predictor.policy. `health` tells what it waits for.

    Raises Misconfigured when the stored models cannot be used, Fatal when the training fails.
    """
    health.wait_for(KERNEL, "compiling")
    log.info("kernel.compiled", seconds=await asyncio.to_thread(compile_kernel, SystemClock()))
    health.wait_for(HISTORY)
    health.done_with(KERNEL)
    kind, _, seed = settings.predictor.policy.partition(":")
    if kind == "random":
        return RandomPolicy(int(seed), settings.predictor.random_rate)
    store = ModelStore(settings.service.home)
    models = Boosters.load(store, settings.timeframes)
    if models is None:
        symbols, until = await loaded_market(bus, health)
        await train_first(settings.service.home, symbols, until=until, health=health)
        models = Boosters.load(store, settings.timeframes)
    if models is None:
        raise Fatal(f"the training left no model in {store.folder}")
    log.info("model.loaded", version=models.version, trained_until=models.trained_until)
    return ModelPolicy(models, settings.timeframes, settings.predictor.min_agreement, settings.min_confidence)


async def loaded_market(bus: Bus, health: Health) -> tuple[Sequence[Symbol], Instant]:
    """Wait until the fetchers have loaded every symbol's history; returns the symbols and the market's now.

    Nothing is acknowledged: the service hears all of it again.
    """
    health.wait_for(HISTORY, "the fetcher has not told of its history yet")
    loaded: set[Symbol] = set()
    async with aclosing(bus.read(("candle",))) as deliveries:
        async for delivery in deliveries:
            if isinstance(delivery.message, CandlesLoaded):
                loaded.update(delivery.message.loaded)
                universe = set(delivery.message.universe)
                health.wait_for(HISTORY, f"{len(loaded & universe)} of {len(universe)} symbols have their history")
                if universe <= loaded:
                    return sorted(universe), delivery.message.at
    raise Fatal("the stream of candles has ended")
