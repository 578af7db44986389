"""What the predictor reads of the settings."""

from __future__ import annotations

from dataclasses import dataclass

from libs.common.errors import Misconfigured
from libs.common.settings import load
from libs.common.settings.sections import (
    PORT_OFFSETS,
    ApiSection,
    MarketSection,
    PaperSection,
    PortsSection,
    PredictorSection,
    RedisSection,
    ServiceSection,
)
from libs.common.units import Fraction, Timeframe
from services.predictor.core.slots import PATIENCE_MS, SLOT


@dataclass(frozen=True, slots=True)
class PredictorSettings:
    service: ServiceSection
    market: MarketSection
    redis: RedisSection
    predictor: PredictorSection
    api: ApiSection
    ports: PortsSection
    paper: PaperSection

    @classmethod
    def load(cls) -> PredictorSettings:
        """Read file and environment; raises Misconfigured naming everything that is wrong."""
        every = load()
        settings = cls(every.service, every.market, every.redis, every.predictor, every.api, every.ports, every.paper)
        settings.check()
        return settings

    def check(self) -> None:
        """Raise Misconfigured where settings that are right alone contradict each other."""
        judged, needed = self.timeframes, self.predictor.min_agreement
        if SLOT not in judged:
            raise Misconfigured(f"market.timeframes {list(map(str, judged))}: {SLOT} is needed to decide on its closes")
        if needed > len(judged):
            raise Misconfigured(f"predictor.min_agreement {needed}: only {len(judged)} timeframes are judged")

    @property
    def timeframes(self) -> tuple[Timeframe, ...]:
        """Those that are judged, shortest first: what closes between the 15m closes is for others."""
        judged = {timeframe for timeframe in self.market.timeframes if timeframe.ms >= SLOT.ms}
        return tuple(sorted(judged, key=lambda timeframe: timeframe.ms))

    @property
    def port(self) -> int:
        return self.ports.base + PORT_OFFSETS["predictor"]

    @property
    def min_confidence(self) -> Fraction:
        return Fraction(self.predictor.min_confidence)

    @property
    def patience_ms(self) -> int | None:
        """In lockstep the market waits for every candle, and wall time may decide nothing."""
        return None if self.paper.speed == "max" else PATIENCE_MS
