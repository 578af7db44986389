"""What the fetcher reads of the settings."""

from __future__ import annotations

from dataclasses import dataclass

from libs.common.process import instance_name
from libs.common.settings import load
from libs.common.settings.sections import (
    PORT_OFFSETS,
    ApiSection,
    ExchangeSection,
    FetcherSection,
    MarketSection,
    PortsSection,
    RedisSection,
    ServiceSection,
)
from libs.common.units import DAY_MS, SECOND_MS
from services.fetcher.core.choice import Terms


@dataclass(frozen=True, slots=True)
class FetcherSettings:
    service: ServiceSection
    exchange: ExchangeSection
    market: MarketSection
    redis: RedisSection
    fetcher: FetcherSection
    api: ApiSection
    ports: PortsSection

    @classmethod
    def load(cls) -> FetcherSettings:
        """Read file and environment; raises Misconfigured naming everything that is wrong."""
        every = load()
        return cls(every.service, every.exchange, every.market, every.redis, every.fetcher, every.api, every.ports)

    @property
    def instance(self) -> str:
        """The name of this process among its replicas."""
        return instance_name("fetcher", self.service.instance)

    @property
    def terms(self) -> Terms:
        """What is wished for of the universe."""
        market = self.market
        return Terms(
            wish=market.symbols,
            min_age_ms=market.min_age_days * DAY_MS,
            max_spread=market.max_spread,
            min_volatility=market.min_volatility,
            max_volatility=market.max_volatility,
        )

    @property
    def stale_ms(self) -> int:
        """Wall time that a candle may be late before its series is stale."""
        return self.fetcher.stale_s * SECOND_MS

    @property
    def port(self) -> int:
        return self.ports.base + PORT_OFFSETS["fetcher"]
