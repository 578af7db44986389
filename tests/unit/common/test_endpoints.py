import pytest

from libs.common.exchange.endpoints import Endpoint, endpoint, public_endpoint
from libs.common.settings.sections import ExchangeSection, PortsSection, Venue


def test_the_paper_exchange_is_on_this_machine_at_the_shifted_port() -> None:
    found = endpoint(ExchangeSection(), PortsSection(base=9000))
    assert found == Endpoint("http://127.0.0.1:9100", "ws://127.0.0.1:9100", "ws://127.0.0.1:9100")
    assert found.public_stream == "ws://127.0.0.1:9100/v5/public/linear"
    assert found.private_stream == "ws://127.0.0.1:9100/v5/private"


@pytest.mark.parametrize("venue", [Venue.TESTNET, Venue.DEMO, Venue.LIVE])
def test_a_real_venue_is_reached_over_tls_only(venue: Venue) -> None:
    found = endpoint(ExchangeSection(venue=venue), PortsSection())
    assert found.rest.startswith("https://")
    assert found.ws_public.startswith("wss://")
    assert found.ws_private.startswith("wss://")


def test_the_demo_account_sees_the_live_market() -> None:
    demo = endpoint(ExchangeSection(venue=Venue.DEMO), PortsSection())
    live = endpoint(ExchangeSection(venue=Venue.LIVE), PortsSection())
    assert demo.ws_public == live.ws_public
    assert demo.ws_private != live.ws_private
    assert demo.rest != live.rest


def test_an_address_in_the_settings_outranks_the_venues_own() -> None:
    found = endpoint(ExchangeSection(url="http://exchange:8100", ws_url="ws://exchange:8100"), PortsSection())
    assert found == Endpoint("http://exchange:8100", "ws://exchange:8100", "ws://exchange:8100")


@pytest.mark.parametrize(
    ("url", "ws_url", "rest", "stream"),
    [
        ("", "", "https://api.bybit.com", "wss://stream.bybit.com/v5/public/linear"),
        ("http://127.0.0.1:9000", "", "http://127.0.0.1:9000", "ws://127.0.0.1:9000/v5/public/linear"),
        ("https://a.b/", "wss://c.d/", "https://a.b", "wss://c.d/v5/public/linear"),
    ],
)
def test_public_data_come_from_bybit_unless_another_venue_is_named(
    url: str, ws_url: str, rest: str, stream: str
) -> None:
    found = public_endpoint(url, ws_url)
    assert (found.rest, found.public_stream) == (rest, stream)
