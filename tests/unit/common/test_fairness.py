import pytest

from libs.common.locks.fairness import Memory, by_seniority, fair
from libs.common.units import Symbol

ONE, TWO, NEW = Symbol("ONEUSDT"), Symbol("TWOUSDT"), Symbol("NEWUSDT")


@pytest.mark.parametrize(
    ("wanted", "replicas", "others", "share"),
    [
        (7, 1, [], 7),
        (7, 2, [3], 4),
        (7, 2, [4], 3),
        (7, 3, [4, 3], 2),  # one of the others keeps the odd one
        (7, 3, [2, 2], 3),
        (6, 3, [3, 3], 2),
        (2, 3, [1], 1),
        (2, 3, [1, 1], 0),  # more replicas than symbols: one has none
        (0, 4, [], 0),
    ],
)
def test_as_many_have_one_more_as_the_division_leaves(
    wanted: int, replicas: int, others: list[int], share: int
) -> None:
    assert fair(wanted, replicas, others) == share


def test_what_was_held_longest_comes_first_and_what_is_not_named_does_not_come_at_all() -> None:
    assert by_seniority([NEW, ONE, TWO], held=[TWO, Symbol("GONEUSDT"), ONE]) == (TWO, ONE, NEW)


def test_a_replica_that_a_server_forgot_takes_nothing_new_for_a_leases_length() -> None:
    memory = Memory()
    memory.claimed(1_000, is_forgotten=False, length_ms=5_000)
    memory.claimed(2_000, is_forgotten=True, length_ms=5_000)
    assert memory.is_cautious(6_999)
    assert not memory.is_cautious(7_000)


def test_a_replica_that_was_away_for_longer_than_its_lease_need_not_wait() -> None:
    memory = Memory()
    memory.claimed(1_000, is_forgotten=False, length_ms=5_000)
    memory.claimed(6_000, is_forgotten=True, length_ms=5_000)
    assert not memory.is_cautious(6_001)
