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
from libs.common.units import Usd
from services.paper_exchange.adapters.reception import Key
from services.paper_exchange.core.limits import Limits
from services.paper_exchange.core.terms import Terms
from services.paper_exchange.service import Opening


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
    def name(self) -> str:
        """There is one exchange, so its process has the service's name."""
        return self.service.instance or "paper_exchange"

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

    def opening(self, terms: Terms) -> Opening:
        """How the world begins, or goes on, on its terms."""
        paper = self.paper
        return Opening(Usd(paper.balance), paper.seed, self.speed, paper.paused, follows_wall=terms.follows_wall)

    @property
    def key(self) -> Key:
        """The one key that is accepted."""
        limits = Limits() if self.paper.limits == "bybit" else None
        return Key(self.paper.api_key.get_secret_value(), self.paper.api_secret.get_secret_value(), limits)

    @property
    def world(self) -> str:
        """What the books belong to: the same market, seed and beginning."""
        return f"{self.paper.market} seed {self.paper.seed} from {self.paper.start or 'its beginning'}"
