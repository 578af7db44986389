import numpy as np

from services.paper_exchange.core.troupe import GROUP_SIZE, cast_of, roles


def test_familiar_names_come_first_and_made_up_ones_say_so() -> None:
    names = [role.symbol for role in roles(25)]

    assert names[:3] == ["BTCUSDT", "ETHUSDT", "SOLUSDT"]
    assert all(name.startswith("SYNTH") for name in names[20:])


def test_every_price_is_a_multiple_of_its_tick_with_six_digits() -> None:
    assert all(100_000 <= role.price / role.tick < 1_000_000 for role in roles(200))
    assert all(role.price % role.tick == 0 for role in roles(200))


def test_the_majors_are_calmer_than_the_rest() -> None:
    cast = cast_of(7, 0, roles(GROUP_SIZE))

    assert np.all(cast.sigma[:2] < cast.sigma[2:].min())
