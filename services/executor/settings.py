"""What the executor reads of the settings; the only service that is given the venue's keys."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from hashlib import blake2b

from libs.common.errors import Misconfigured
from libs.common.exchange.endpoints import Endpoint, endpoint
from libs.common.settings import load
from libs.common.settings.sections import (
    PORT_OFFSETS,
    ApiSection,
    ExchangeSection,
    ExecutorSection,
    PaperSection,
    PortsSection,
    RecoverySection,
    RedisSection,
    RiskSection,
    ServiceSection,
    StrategySection,
    Venue,
)
from libs.common.units import MINUTE_MS, Fraction
from services.executor.core.protections import Limits
from services.executor.core.sizing import Risk
from services.executor.shell.desk import Figures

VERSION = "0.1.0"


@dataclass(frozen=True, slots=True)
class ExecutorSettings:
    service: ServiceSection
    exchange: ExchangeSection
    redis: RedisSection
    risk: RiskSection
    strategy: StrategySection
    executor: ExecutorSection
    recovery: RecoverySection
    api: ApiSection
    ports: PortsSection
    paper: PaperSection

    @classmethod
    def load(cls) -> ExecutorSettings:
        """Read file and environment; raises Misconfigured naming everything that is wrong."""
        every = load()
        settings = cls(
            every.service,
            every.exchange,
            every.redis,
            every.risk,
            every.strategy,
            every.executor,
            every.recovery,
            every.api,
            every.ports,
            every.paper,
        )
        settings.check()
        return settings

    def check(self) -> None:
        """Refuse to trade real money by accident, and without keys at all."""
        if self.exchange.venue is Venue.LIVE and not self.exchange.i_accept_real_money:
            raise Misconfigured(
                "exchange.i_accept_real_money = false: venue bybit trades real money; set it to true to allow that"
            )
        if self.exchange.venue is not Venue.PAPER and not self.exchange.api_key.get_secret_value():
            raise Misconfigured(f"exchange.api_key is empty: venue {self.exchange.venue} needs a trading key")

    @property
    def keys(self) -> tuple[str, str]:
        """Key and secret; on paper the exchange's own when none are given."""
        given = self.exchange.api_key.get_secret_value(), self.exchange.api_secret.get_secret_value()
        if self.exchange.venue is Venue.PAPER and not given[0]:
            return self.paper.api_key.get_secret_value(), self.paper.api_secret.get_secret_value()
        return given

    @property
    def endpoint(self) -> Endpoint:
        return endpoint(self.exchange, self.ports)

    @property
    def port(self) -> int:
        return self.ports.base + PORT_OFFSETS["executor"]

    @property
    def figures(self) -> Figures:
        """The figures that decide."""
        return Figures(
            risk=Risk(
                Fraction(self.risk.risk_per_trade),
                Fraction(self.risk.stop_atr),
                Fraction(self.risk.leverage),
                self.risk.max_positions,
            ),
            limits=Limits(self.strategy.cooldown_after_loss_min * MINUTE_MS, Fraction(self.strategy.max_daily_loss)),
            home=self.service.home,
            recv_window_ms=self.exchange.recv_window_ms,
            stop_interval_ms=self.executor.stop_interval_ms,
            workers=self.executor.workers,
            reconcile_s=self.executor.reconcile_s,
            exit_on_opposite=self.strategy.exit_on_opposite,
            foreign=self.recovery.foreign_positions,
            venue=self.exchange.venue,
            version=VERSION,
            config_hash=self.hash,
        )

    @property
    def hash(self) -> str:
        """The same settings have the same hash; secrets are masked in it."""
        return blake2b(repr(sorted(asdict(self).items())).encode(), digest_size=6).hexdigest()
