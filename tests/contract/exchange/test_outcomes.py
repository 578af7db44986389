"""The table of answers: every code that a bot must survive has a meaning, and what is unknown is never a refusal."""

import pytest

from libs.common.exchange.outcomes import MEANINGS, Meaning, outcome_of
from libs.common.exchange.trading_types import Ambiguous, Exists, RefusedForNow, Unchanged

REFUSED = (
    *(10001, 10003, 10004, 10005, 10010, 10017, 33004, 30208, 30209, 3400045),
    *(110001, 110003, 110004, 110007, 110008, 110009, 110010, 110012, 110013, 110017, 110020, 110021, 110023),
    *(110024, 110028, 110044, 110045, 110061, 110073, 110086, 110090, 110092, 110093, 110094, 110120, 110121),
)
BY_MEANING = {
    Meaning.REFUSED: REFUSED,
    Meaning.LATER: (10002, 10006),
    Meaning.EXISTS: (10014, 110072),
    Meaning.UNCHANGED: (34040, 110025, 110026, 110043),
    Meaning.AMBIGUOUS: (10000, 10016),
}


@pytest.mark.parametrize(
    ("code", "meaning"), [(code, meaning) for meaning, codes in BY_MEANING.items() for code in codes]
)
def test_every_documented_code_has_its_meaning(code: int, meaning: Meaning) -> None:
    assert MEANINGS[code] is meaning


def test_no_code_is_in_the_table_that_is_not_specified_here() -> None:
    assert set(MEANINGS) == {code for codes in BY_MEANING.values() for code in codes}


def test_a_duplicate_order_id_is_not_a_rejection() -> None:
    """ccxt raises InvalidOrder for 110072: taken as a rejection it turns an accepted order into a lost one."""
    assert isinstance(outcome_of(110072, "OrderLinkedID is duplicate"), Exists)
    assert isinstance(outcome_of(10014, "invalid duplicate request"), Exists)


@pytest.mark.parametrize("code", [-1, 1, 10018, 170131, 999999])
def test_a_code_that_nobody_explained_is_ambiguous(code: int) -> None:
    assert outcome_of(code, "?") == Ambiguous(f"{code} ?")


def test_a_server_error_after_the_request_is_ambiguous() -> None:
    assert isinstance(outcome_of(10016, "Internal System Error"), Ambiguous)


def test_asking_later_says_how_long_to_wait() -> None:
    assert outcome_of(10006, "Too many visits!", wait_ms=250) == RefusedForNow(10006, "Too many visits!", 250)


def test_what_the_venue_already_has_is_not_an_error() -> None:
    assert outcome_of(110043, "leverage not modified") == Unchanged(110043)
