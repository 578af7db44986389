"""What the paper exchange reads of the settings."""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from libs.common.settings import load
from libs.common.settings.sections import (
    PORT_OFFSETS,
    ApiSection,
    MarketSection,
    PaperSection,
    PortsSection,
    ServiceSection,
)


@dataclass(frozen=True, slots=True)
class PaperExchangeSettings:
    service: ServiceSection
    market: MarketSection
    paper: PaperSection
    api: ApiSection
    ports: PortsSection

    @classmethod
    def load(cls) -> "PaperExchangeSettings":
        """Read file and environment; raises Misconfigured."""
        found = load()
        return cls(found.service, found.market, found.paper, found.api, found.ports)

    @property
    def port(self) -> int:
        return self.ports.base + PORT_OFFSETS["paper_exchange"]

    @property
    def books(self) -> Path:
        return self.service.home / "paper" / "books.db"

    @property
    def speed(self) -> Decimal | None:
        """Market seconds per wall second; None in lockstep."""
        return None if self.paper.speed == "max" else self.paper.speed

    @property
    def world(self) -> str:
        """What the books belong to: the same market, seed and beginning."""
        return f"{self.paper.market} seed {self.paper.seed} from {self.paper.start or 'its beginning'}"
