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
    def port(self) -> int:
        return self.ports.base + PORT_OFFSETS["fetcher"]
