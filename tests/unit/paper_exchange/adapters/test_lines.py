import pytest

from services.paper_exchange.adapters.sockets.lines import LONGEST_IDLE_S, SHORTEST_IDLE_S, idle_seconds


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ("", LONGEST_IDLE_S),
        ("30s", 30),
        ("2m", 120),
        ("600s", 600),
        ("5s", SHORTEST_IDLE_S),
        ("9999m", LONGEST_IDLE_S),
        ("-1s", LONGEST_IDLE_S),
        ("1h", LONGEST_IDLE_S),
        ("٣٠s", LONGEST_IDLE_S),
    ],
)
def test_a_client_says_how_long_a_silent_connection_may_live_within_bounds(asked: str, seconds: int) -> None:
    assert idle_seconds(asked) == seconds
