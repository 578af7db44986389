"""Settings: ironkeel.toml, overridden by the environment; frozen, every key checked, all errors at once."""

from typing import Final

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from libs.common.errors import Misconfigured
from libs.common.settings.sections import (
    ApiSection,
    ExchangeSection,
    ExecutorSection,
    FetcherSection,
    MarketSection,
    PaperSection,
    PortsSection,
    PredictorSection,
    RecoverySection,
    RedisSection,
    RiskSection,
    ServiceSection,
    StrategySection,
    TrailingSection,
)

PREFIX: Final = "IRONKEEL_"
HOME_VARIABLE: Final = "IRONKEEL_HOME"  # short for IRONKEEL_SERVICE__HOME
CONFIG_VARIABLE: Final = "IRONKEEL_CONFIG"  # path of ironkeel.toml; ./ironkeel.toml by default


class Settings(BaseSettings):
    """Every section, checked together; a service's own settings.py picks those that it reads."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix=PREFIX, env_nested_delimiter="__", toml_file=None
    )

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
    recovery: RecoverySection = RecoverySection()
    api: ApiSection = ApiSection()
    ports: PortsSection = PortsSection()
    paper: PaperSection = PaperSection()


def load() -> Settings:
    """Read file and environment; raises Misconfigured naming every wrong key, its value and what is allowed."""
    try:
        return Settings()
    except ValidationError as error:
        raise Misconfigured(str(error)) from error
