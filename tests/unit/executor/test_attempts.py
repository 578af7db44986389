import pytest

from services.executor.core.attempts import next_exit, next_partial


@pytest.mark.parametrize(
    ("used", "following"), [([], "x1"), (["e", "x1"], "x2"), (["x2", "x10"], "x11"), (["p1a1"], "x1")]
)
def test_exits_count_on_from_what_the_venue_has(used: list[str], following: str) -> None:
    assert next_exit(used) == following


@pytest.mark.parametrize(
    ("used", "filled", "following"),
    [
        ([], False, "p1a1"),
        (["p1a1"], False, "p1a2"),
        (["p1a1"], True, None),
        (["p2a1"], False, "p1a1"),
        (["p1a9"], False, None),
    ],
)
def test_a_partial_exit_is_tried_until_it_is_filled_once(used: list[str], filled: bool, following: str | None) -> None:
    assert next_partial(used, 1, filled) == following
