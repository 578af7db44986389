"""Where a venue is: the base of its REST and WebSocket API, from the settings."""

from dataclasses import dataclass
from typing import Final

from libs.common.settings.sections import PORT_OFFSETS, ExchangeSection, PortsSection, Venue


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Bases without a path; on the demo account the public stream is the live venue's."""

    rest: str
    ws_public: str
    ws_private: str

    @property
    def public_stream(self) -> str:
        return f"{self.ws_public}/v5/public/linear"

    @property
    def private_stream(self) -> str:
        return f"{self.ws_private}/v5/private"


_BYBIT: Final = {
    Venue.TESTNET: Endpoint(
        "https://api-testnet.bybit.com", "wss://stream-testnet.bybit.com", "wss://stream-testnet.bybit.com"
    ),
    Venue.DEMO: Endpoint("https://api-demo.bybit.com", "wss://stream.bybit.com", "wss://stream-demo.bybit.com"),
    Venue.LIVE: Endpoint("https://api.bybit.com", "wss://stream.bybit.com", "wss://stream.bybit.com"),
}


def endpoint(exchange: ExchangeSection, ports: PortsSection) -> Endpoint:
    """Return where the configured venue is; `exchange.url` and `exchange.ws_url` outrank its own addresses."""
    paper = f"127.0.0.1:{ports.base + PORT_OFFSETS['paper_exchange']}"
    known = _BYBIT.get(exchange.venue, Endpoint(f"http://{paper}", f"ws://{paper}", f"ws://{paper}"))
    return Endpoint(
        rest=exchange.url or known.rest,
        ws_public=exchange.ws_url or known.ws_public,
        ws_private=exchange.ws_url or known.ws_private,
    )


def public_endpoint(url: str, ws_url: str) -> Endpoint:
    """Return where a venue's public data is: Bybit's own unless told; a REST address alone serves for both."""
    live = _BYBIT[Venue.LIVE]
    stream = ws_url or (url.replace("http", "ws", 1) if url else live.ws_public)
    return Endpoint(rest=(url or live.rest).rstrip("/"), ws_public=stream.rstrip("/"), ws_private="")
