import numpy as np

from services.paper_exchange.core.market.dice import bits, seed_of, throw

PLACES = np.arange(1_000, dtype=np.int64)


def test_the_same_name_and_place_have_the_same_dice_in_whatever_company() -> None:
    whole = throw(seed_of("BTCUSDT"), PLACES, 7)

    assert np.array_equal(throw(seed_of("BTCUSDT"), PLACES[400:403], 7), whole[400:403])
    assert not np.array_equal(throw(seed_of("ETHUSDT"), PLACES, 7), whole)


def test_dice_are_what_they_have_always_been() -> None:
    assert seed_of("BTCUSDT") == 1311013130031938654
    assert throw(1, np.array([0, 9], np.int64), 2).tolist() == [
        [15553200007877664693, 1252391373650201249],
        [17161900387260947799, 9879168839280543382],
    ]


def test_fields_of_bits_are_even_and_stay_in_their_width() -> None:
    found = bits(throw(3, PLACES, 4), 10, 8)

    assert (found.min(), found.max()) == (0, 255)
    assert abs(float(found.mean()) - 127.5) < 5


def test_neighbours_know_nothing_of_each_other() -> None:
    found = bits(throw(5, PLACES, 2), 0, 16).astype(np.float64)

    assert abs(float(np.corrcoef(found[:, 0], found[:, 1])[0, 1])) < 0.1
    assert abs(float(np.corrcoef(found[:-1, 0], found[1:, 0])[0, 1])) < 0.1
