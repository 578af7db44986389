import numpy as np

from services.paper_exchange.core.invented.climate import BARS, MARKET_SIGMA
from services.paper_exchange.core.invented.troupe import GROUP_SIZE, cast_of, roles
from services.paper_exchange.core.invented.weaving import usual_sigma

CASTS = [
    cast_of(7, number, roles(20 * GROUP_SIZE)[number * GROUP_SIZE : (number + 1) * GROUP_SIZE]) for number in range(20)
]


def test_familiar_names_come_first_and_made_up_ones_say_so() -> None:
    names = [role.symbol for role in roles(25)]

    assert names[:3] == ["BTCUSDT", "ETHUSDT", "SOLUSDT"]
    assert all(name.startswith("SYNTH") for name in names[20:])


def test_every_price_is_a_multiple_of_its_tick_with_five_digits_and_those_of_majors_with_six() -> None:
    assert all(100_000 <= role.price / role.tick < 1_000_000 for role in roles(2))
    assert all(10_000 <= role.price / role.tick < 100_000 for role in roles(200)[2:])
    assert all(role.price % role.tick == 0 for role in roles(200))


def test_bitcoin_is_calmer_than_almost_all() -> None:
    sigma = usual_sigma(CASTS[0])

    assert np.mean(sigma[0] < sigma) > 0.9


def test_volatilities_spread_as_recorded_ones_do() -> None:
    sigma = np.concatenate([usual_sigma(cast) for cast in CASTS])

    assert 0.03 < np.median(sigma) < 0.05
    assert 0.2 < np.log(sigma).std() < 0.4
    assert sigma.max() < 0.15


def test_those_of_lower_rank_trade_less_and_go_their_own_ways_more() -> None:
    turnover = [np.median(cast.turnover) * BARS for cast in CASTS]
    noise = [np.median(cast.sigma / cast.beta) for cast in CASTS]

    assert turnover[0] > 10 * turnover[3] > 50 * turnover[19]
    assert turnover[19] > 50_000
    assert noise[19] > noise[0]


def test_most_symbols_follow_the_market_and_a_few_hardly() -> None:
    cast = CASTS[0]
    shared = cast.beta * MARKET_SIGMA / usual_sigma(cast)

    assert np.median(shared) > 0.75
    assert shared.min() < 0.6
