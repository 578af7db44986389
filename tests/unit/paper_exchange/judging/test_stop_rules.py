import pytest
from pydantic import JsonValue

from services.paper_exchange.core.judging.stop_rules import naked_as_listed, never_loosened, never_naked
from tests.support.audits import OTHER, Row, books, fill, holds, position, spell

FLAT = position("", "0", "", 2_000)


def loosened(*rows: Row) -> tuple[str, ...]:
    return never_loosened(books(positions=[*rows])[0].positions).violations


def naked(*rows: Row, listed: list[JsonValue], link: str | None = None) -> tuple[str, ...]:
    changes: Row = {"positions": [*rows], "naked": listed}
    if link is not None:
        changes["fills"] = [fill(1, "Buy", link), fill(2, "Sell", link, gross="-10")]
    return never_naked(*books(**changes)).violations


@pytest.mark.parametrize(
    ("side", "stops", "looser"),
    [
        ("Buy", ["95", "97"], False),
        ("Buy", ["97", "95"], True),
        ("Buy", ["9.50", "10"], False),
        ("Sell", ["105", "103"], False),
        ("Sell", ["103", "105"], True),
        ("Buy", ["97", "", "97"], False),
        ("Buy", ["97", "", "96"], True),
        ("Buy", ["95", "97", "96"], True),
    ],
)
def test_a_stop_that_ever_gave_ground_back_is_found(side: str, stops: list[str], looser: bool) -> None:
    assert bool(loosened(*(position(side, "1", stop) for stop in stops), FLAT)) is looser


def test_the_next_position_may_have_a_wider_stop() -> None:
    assert not loosened(position("Buy", "1", "97"), FLAT, position("Buy", "1", "90"), FLAT)


def test_a_position_that_turned_begins_with_a_stop_of_its_own() -> None:
    assert not loosened(position("Buy", "1", "97"), position("Sell", "1", "103"), position("Sell", "1", "102"))
    (told,) = loosened(position("Buy", "1", "97"), position("Sell", "1", "103"), position("Sell", "1", "104"))
    assert told == "BTCUSDT Sell 103 -> 104 at 1000"


def test_the_sides_of_a_hedge_have_stops_of_their_own() -> None:
    long, short = position("Buy", "1", "97", positionIdx=1), position("Sell", "1", "103", positionIdx=2)
    assert not loosened(long, short, {**long, "stop": "98"}, {**short, "stop": "102"})


def test_a_position_of_ours_without_a_stop_from_its_first_fill_on_is_found_however_short_that_was() -> None:
    rows = (position("Buy", "1", ""), position("Buy", "1", "95", 1_001), FLAT)
    (told,) = naked(*rows, listed=[spell(1_000, 1_001, 1)])
    assert told == "BTCUSDT from 1000 to 1001: 1 ms of uptime, from its first fill"
    assert not naked(*rows, listed=[spell(1_000, 1_001, 1)], link=OTHER)


def test_a_stop_lost_in_the_very_millisecond_of_the_first_fill_was_there_first() -> None:
    rows = (position("Buy", "1", "95"), position("Buy", "1", ""), position("Buy", "1", "95", 1_001), FLAT)
    assert not naked(*rows, listed=[spell(1_000, 1_001, 1)])


@pytest.mark.parametrize(("up_ms", "found"), [(1_999, False), (2_000, False), (2_001, True)])
@pytest.mark.parametrize("link", [None, OTHER])
def test_a_stop_may_be_lost_for_two_seconds_of_uptime(up_ms: int, found: bool, link: str | None) -> None:
    rows = (position("Buy", "1", "95"), position("Buy", "1", "", 1_200), position("Buy", "1", "95", 90_000), FLAT)
    assert bool(naked(*rows, listed=[spell(1_200, 90_000, up_ms)], link=link)) is found


def test_a_spell_that_the_exchange_does_not_list_is_judged_by_the_wall() -> None:
    rows = (position("Buy", "1", "95"), position("Buy", "1", "", 1_200, wall=5), position("Buy", "1", "95", wall=2_006))
    (told,) = naked(*rows, listed=[])
    assert "2001 ms of uptime" in told


def test_a_position_that_is_naked_still_is_found() -> None:
    rows = (position("Buy", "1", "95"), position("Buy", "1", "", 1_200))
    (told,) = naked(*rows, listed=[spell(1_200, None, 60_000)])
    assert told == "BTCUSDT from 1200 to now: 60000 ms of uptime"


@pytest.mark.parametrize(
    "listed",
    [[], [spell(1_200, 1_301, 9)], [spell(1_201, 1_300, 9)], [spell(1_200, None, 9)], [spell(1_200, 1_300, 9)] * 2],
    ids=["none", "another end", "another beginning", "no end", "twice"],
)
def test_a_list_of_spells_other_than_the_rows_is_found(listed: list[JsonValue]) -> None:
    rows: list[JsonValue] = [position("Buy", "1", "95"), position("Buy", "1", "", 1_200), position("", "0", "", 1_300)]
    assert holds(naked_as_listed(books(positions=rows, naked=[spell(1_200, 1_300, 9)])[0]))
    assert not holds(naked_as_listed(books(positions=rows, naked=listed)[0]))


def test_spells_within_one_instant_of_a_standing_market_are_told_apart() -> None:
    bare, kept = position("Buy", "1", ""), position("Buy", "1", "95")
    rows: list[JsonValue] = [kept, bare, kept, bare]
    listed: list[JsonValue] = [spell(1_000, 1_000, 3), spell(1_000, None, 7)]
    assert holds(naked_as_listed(books(positions=rows, naked=listed)[0]))
