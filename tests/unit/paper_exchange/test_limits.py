from libs.common.units import Instant
from services.paper_exchange.core.limits import Limits

CREATE = "/v5/order/create"


def test_ten_a_second_and_the_eleventh_waits() -> None:
    limits = Limits()
    assert [limits.ask(CREATE, Instant(n)).left for n in range(10)] == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]
    refused = limits.ask(CREATE, Instant(500))
    assert (refused.granted, refused.reset_at) == (False, 1_000)


def test_the_window_rolls() -> None:
    limits = Limits()
    for _ in range(10):
        limits.ask(CREATE, Instant(0))
    assert not limits.ask(CREATE, Instant(999)).granted
    assert limits.ask(CREATE, Instant(1_000)).granted


def test_the_reset_lies_well_ahead_even_when_it_is_near() -> None:
    limits = Limits()
    for _ in range(10):
        limits.ask(CREATE, Instant(0))
    assert limits.ask(CREATE, Instant(990)).reset_at == 1_090


def test_endpoints_do_not_share_their_limits() -> None:
    limits = Limits()
    for _ in range(10):
        limits.ask(CREATE, Instant(0))
    assert limits.ask("/v5/order/cancel", Instant(0)).granted
