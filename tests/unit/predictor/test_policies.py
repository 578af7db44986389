from decimal import Decimal
from pathlib import Path

import pytest

from libs.common.bus.memory import MemoryBus
from libs.common.contracts.market import CandlesLoaded
from libs.common.errors import Misconfigured
from libs.common.health import Health
from libs.common.units import Instant, Symbol, Timeframe
from services.predictor.adapters.policies import loaded_market, prepare_policy
from services.predictor.core.random_policy import RandomPolicy
from services.predictor.settings import PredictorSettings
from tests.support.candles import candle

BTC, ETH = Symbol("BTCUSDT"), Symbol("ETHUSDT")


def loaded(at: int, *symbols: Symbol) -> CandlesLoaded:
    return CandlesLoaded(id=str(at), cause="", trace="", at=Instant(at), universe=(BTC, ETH), loaded=symbols)


async def test_the_random_policy_waits_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IRONKEEL_PREDICTOR__POLICY", "random:7")
    policy = await prepare_policy(PredictorSettings.load(), bus=MemoryBus(), health=Health("predictor"))
    assert policy == RandomPolicy(7, Decimal("0.05"))


async def test_the_market_is_loaded_when_the_shares_of_the_fetchers_make_it_whole() -> None:
    bus = MemoryBus(loaded(1, BTC), candle("BTCUSDT", Timeframe.M15, 0), loaded(5, ETH), loaded(9, BTC))
    assert await loaded_market(bus, Health("predictor")) == (["BTCUSDT", "ETHUSDT"], 5)


async def test_while_it_waits_it_says_how_many_have_come() -> None:
    health, bus = Health("predictor"), MemoryBus(loaded(1, BTC), endless=False)
    with pytest.raises(Exception, match="the stream of candles has ended"):
        await loaded_market(bus, health)
    assert health.waiting_for == {"candles": "1 of 2 symbols have their history"}


async def test_models_that_cannot_be_used_stop_the_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("IRONKEEL_HOME", str(tmp_path))
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "current").write_text("m-lost")
    with pytest.raises(Misconfigured, match="m-lost is not a whole model"):
        await prepare_policy(PredictorSettings.load(), bus=MemoryBus(), health=Health("predictor"))
