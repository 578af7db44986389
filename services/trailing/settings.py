"""What trailing reads of the settings."""

from __future__ import annotations

from dataclasses import dataclass

from libs.common.process import instance_name
from libs.common.settings import load
from libs.common.settings.sections import ApiSection, PortsSection, RedisSection, ServiceSection, TrailingSection
from libs.common.units import Fraction
from services.trailing.core.rules import Rules


@dataclass(frozen=True, slots=True)
class TrailingSettings:
    service: ServiceSection
    redis: RedisSection
    trailing: TrailingSection
    api: ApiSection
    ports: PortsSection

    @classmethod
    def load(cls) -> TrailingSettings:
        """Read file and environment; raises Misconfigured naming everything that is wrong."""
        every = load()
        return cls(every.service, every.redis, every.trailing, every.api, every.ports)

    @property
    def rules(self) -> Rules:
        """The trailing section as the core speaks of it."""
        return Rules(
            activation_r=Fraction(self.trailing.activation_r),
            distance_atr=Fraction(self.trailing.distance_atr),
            distance=Fraction(self.trailing.distance),
            min_step=Fraction(self.trailing.min_step),
            max_hours=self.trailing.max_hours,
        )

    @property
    def instance(self) -> str:
        """The name of this process among its replicas."""
        return instance_name("trailing", self.service.instance)
