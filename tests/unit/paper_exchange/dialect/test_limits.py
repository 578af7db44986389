from services.paper_exchange.core.dialect.limits import (
    BAN_MS,
    CONNECTIONS,
    MOST_ADDRESSES,
    PER_SECOND,
    REQUESTS,
    Addresses,
    Limits,
)

CREATE = "/v5/order/create"
BATCH = "/v5/order/create-batch"
HERE = "127.0.0.1"


def spent(limits: Limits, at: float = 0) -> Limits:
    for _ in range(PER_SECOND[CREATE]):
        assert limits.ask(CREATE, at).granted
    return limits


def test_ten_a_second_and_the_eleventh_waits() -> None:
    limits = Limits()
    assert [limits.ask(CREATE, n).left for n in range(10)] == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]
    refused = limits.ask(CREATE, 500)
    assert (refused.granted, refused.wait_ms) == (False, 500)


def test_the_window_rolls() -> None:
    limits = spent(Limits())
    assert not limits.ask(CREATE, 999).granted
    assert limits.ask(CREATE, 1_000).granted


def test_the_reset_lies_well_ahead_even_when_it_is_near() -> None:
    assert spent(Limits()).ask(CREATE, 990).wait_ms == 100


def test_endpoints_do_not_share_their_limits() -> None:
    assert spent(Limits()).ask("/v5/order/cancel", 0).granted


def test_a_batch_costs_what_it_holds_and_at_most_all_there_is() -> None:
    limits = Limits()
    assert limits.ask(BATCH, 0, cost=7).left == 3
    assert not limits.ask(BATCH, 1, cost=4).granted
    assert limits.ask(BATCH, 1_000, cost=20).left == 0


def test_the_601st_request_of_an_address_in_five_seconds_bans_it_for_ten_minutes() -> None:
    limits = Limits()
    assert all(limits.admits(HERE, n) for n in range(REQUESTS))
    assert not limits.admits(HERE, 4_999)
    assert limits.admits("127.0.0.2", 4_999)
    assert not limits.admits(HERE, 4_998 + BAN_MS)
    assert limits.admits(HERE, 4_999 + BAN_MS)


def test_an_address_that_keeps_below_is_never_banned() -> None:
    limits = Limits()
    assert all(limits.admits(HERE, n * 8.4) for n in range(5 * REQUESTS))


def test_an_address_opens_so_many_sockets_in_five_minutes() -> None:
    limits = Limits()
    assert all(limits.connects(HERE, n) for n in range(CONNECTIONS))
    assert not limits.connects(HERE, 299_999)
    assert limits.connects(HERE, 300_000)


def test_of_very_many_addresses_only_the_latest_are_remembered() -> None:
    addresses = Addresses(1, 1_000)
    assert all(addresses.take(str(number), 0) for number in range(MOST_ADDRESSES + 1))
    assert not addresses.take(str(MOST_ADDRESSES), 1)
    assert addresses.take("0", 1)
