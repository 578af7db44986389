"""Settings: ironkeel.toml, overridden by the environment, overridden by the command line.

Frozen, every key checked, all errors at once.
"""

import os
from collections.abc import Mapping
from typing import Self

from pydantic import ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from libs.common.errors import Misconfigured
from libs.common.settings.complaints import complaints
from libs.common.settings.sections import (
    ApiSection,
    ExchangeSection,
    ExecutorSection,
    FetcherSection,
    MarketSection,
    PaperSection,
    PortsSection,
    PostmortemSection,
    PredictorSection,
    RecoverySection,
    RedisSection,
    RiskSection,
    ServiceSection,
    StrategySection,
    TrailingSection,
    Venue,
)
from libs.common.settings.sources import (
    CONFIG_VARIABLE,
    HOME_VARIABLE,
    PREFIX,
    Layer,
    merged,
    read_environment,
    read_file,
    read_flags,
)

__all__ = ["CONFIG_VARIABLE", "HOME_VARIABLE", "PREFIX", "Settings", "layers", "load"]


class Settings(BaseSettings):
    """Every section, checked together; a service's own settings.py picks those that it reads."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid")

    service: ServiceSection = ServiceSection()
    exchange: ExchangeSection = ExchangeSection()
    market: MarketSection = MarketSection()
    redis: RedisSection = RedisSection()
    predictor: PredictorSection = PredictorSection()
    risk: RiskSection = RiskSection()
    strategy: StrategySection = StrategySection()
    trailing: TrailingSection = TrailingSection()
    fetcher: FetcherSection = FetcherSection()
    executor: ExecutorSection = ExecutorSection()
    postmortem: PostmortemSection = PostmortemSection()
    recovery: RecoverySection = RecoverySection()
    api: ApiSection = ApiSection()
    ports: PortsSection = PortsSection()
    paper: PaperSection = PaperSection()

    @model_validator(mode="after")
    def _real_money_is_meant(self) -> Self:
        if self.exchange.venue is Venue.LIVE and not self.exchange.i_accept_real_money:
            raise ValueError("exchange.i_accept_real_money = False: must be true before orders go to venue bybit")
        return self

    @model_validator(mode="after")
    def _volatility_is_a_range(self) -> Self:
        least, most = self.market.min_volatility, self.market.max_volatility
        if most and least > most:
            raise ValueError(f"market.min_volatility = {least}: must be at most market.max_volatility, which is {most}")
        return self

    @model_validator(mode="after")
    def _live_is_now(self) -> Self:
        paper = self.paper
        if paper.market == "live" and paper.speed != 1:
            raise ValueError(f"paper.speed = {paper.speed}: must be 1 for paper.market live, which another venue makes")
        for key, given in (("from", paper.start), ("to", paper.end)):
            if paper.market == "live" and given:
                raise ValueError(f"paper.{key} = {given}: must be empty for paper.market live, which is always now")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `load` has read: its forms are friendlier and it knows where each value came from."""
        return (init_settings,)


def layers(flags: Mapping[str, str] | None = None) -> Mapping[str, Layer]:
    """Every source by name, weakest first; `flags` are `section.key` pairs from the command line."""
    return {"file": read_file(os.environ), "env": read_environment(os.environ), "flag": read_flags(flags or {})}


def load(flags: Mapping[str, str] | None = None) -> Settings:
    """Read all sources; raises Misconfigured naming every wrong key, its value and what is allowed."""
    sources = layers(flags)
    problems = [problem for layer in sources.values() for problem in layer.problems]
    names = {where: name for layer in sources.values() for where, name in layer.names.items()}
    try:
        settings = Settings(**merged(*sources.values()))
    except ValidationError as error:
        problems += complaints(error, names)
    if problems:
        raise Misconfigured("\n".join(["the configuration is wrong:", *(f"  {line}" for line in problems)]))
    return settings
