"""What the paper exchange reads of the settings."""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TypedDict

from libs.common.exchange.endpoints import public_endpoint
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
from services.paper_exchange.adapters.http.reception import Key
from services.paper_exchange.adapters.markets.relay_opening import Upstream
from services.paper_exchange.core.dialect.limits import Limits
from services.paper_exchange.core.market.terms import Terms
from services.paper_exchange.service import Opening


class Place(TypedDict):
    """See serve_http."""

    host: str
    port: int
    name: str
    home: Path


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
    def place(self) -> Place:
        """Where it is served."""
        port = self.ports.base + PORT_OFFSETS["paper_exchange"]
        return Place(host=self.api.host, port=port, name=self.name, home=self.service.home)

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
    def upstream(self) -> Upstream:
        """Which venue makes a live market, and where it is remembered from one start to the next."""
        there = public_endpoint(self.paper.upstream_url, self.paper.upstream_ws_url)
        return Upstream(there.rest, there.ws_public, self.service.home / "paper" / "upstream.json")

    @property
    def world(self) -> str:
        """What the books belong to: the same market, seed and beginning."""
        return f"{self.paper.market} seed {self.paper.seed} from {self.paper.start or 'its beginning'}"
