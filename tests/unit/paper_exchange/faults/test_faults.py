from decimal import Decimal as D
from typing import Any

import pytest

from libs.common.errors import Refused
from libs.common.units import Fraction
from services.paper_exchange.core.faults.faults import (
    ALWAYS,
    FRAMES,
    MOST_RULES,
    REQUESTS,
    Fault,
    Faults,
    Misfortune,
)
from services.paper_exchange.core.faults.subject import Stream, Subject
from tests.support.trading_floor import Floor

M = Misfortune
NOW = 1_000.0
CREATE = Subject("/v5/order/create", frozenset({"BTCUSDT"}), frozenset({"o1", "mine"}))
CANCEL = Subject("/v5/order/cancel", frozenset({"BTCUSDT"}))
TICKER = Subject(symbols=frozenset({"BTCUSDT"}), topic="tickers.BTCUSDT", stream=Stream.PUBLIC)


def faults(*rules: Fault) -> Faults:
    made = Faults()
    for rule in rules:
        made.add(rule, NOW)
    return made


def refuses(**match: Any) -> Fault:
    return Fault(M.REFUSE, **match)


@pytest.mark.parametrize(
    ("match", "hit"),
    [
        ({}, True),
        ({"endpoint": "order/create"}, True),
        ({"endpoint": "create", "symbol": "BTCUSDT"}, True),
        ({"endpoint": "order/cancel"}, False),
        ({"symbol": "ETHUSDT"}, False),
        ({"order": "o1"}, True),
        ({"order": "mine"}, True),
        ({"order": "yours"}, False),
    ],
)
def test_a_rule_hits_the_requests_that_it_names(match: dict[str, str], hit: bool) -> None:
    assert refuses(**match).fits(CREATE) is hit


@pytest.mark.parametrize(
    ("match", "hit"),
    [
        ({}, True),
        ({"topic": "tickers"}, True),
        ({"topic": "tickers.BTCUSDT"}, True),
        ({"topic": "tick"}, False),
        ({"topic": "order"}, False),
        ({"symbol": "BTCUSDT"}, True),
        ({"stream": Stream.PUBLIC}, True),
        ({"stream": Stream.PRIVATE}, False),
    ],
)
def test_a_rule_hits_the_frames_that_it_names(match: dict[str, Any], hit: bool) -> None:
    assert Fault(M.DROP_FRAMES, **match).fits(TICKER) is hit


def test_a_rule_about_stops_hits_only_what_sets_one() -> None:
    assert not Fault(M.REFUSE_STOP).fits(CREATE)
    assert Fault(M.REFUSE_STOP).fits(Subject(has_stop=True))


@pytest.mark.parametrize(("named", "hit"), [(frozenset(), True), ({"BTCUSDT"}, True), ({"ETHUSDT"}, False)])
def test_a_rule_about_rows_hits_a_question_about_all_symbols_too(named: frozenset[str], hit: bool) -> None:
    assert Fault(M.HIDE_ORDERS, symbol="BTCUSDT").fits(Subject(symbols=frozenset(named))) is hit


def test_a_rule_about_rows_knows_its_rows() -> None:
    row: dict[str, Any] = {"symbol": "BTCUSDT", "orderId": "o1", "orderLinkId": "mine"}
    assert Fault(M.HIDE_ORDERS).has_row(row)
    assert Fault(M.HIDE_ORDERS, symbol="BTCUSDT", order="mine").has_row(row)
    assert not Fault(M.HIDE_ORDERS, symbol="ETHUSDT").has_row(row)
    assert not Fault(M.HIDE_ORDERS, order="o2").has_row(row)


def test_a_rule_is_used_up_after_its_times() -> None:
    rules = faults(refuses(endpoint="create", times=2))
    met = [rules.meet(REQUESTS, subject, NOW) is not None for subject in (CREATE, CANCEL, CREATE, CREATE)]
    assert met == [True, False, True, False]
    assert not rules.standing(NOW)


def test_each_request_meets_the_first_rule_that_fits_and_no_other() -> None:
    rules = faults(refuses(), Fault(M.DELAY, endpoint="create"))
    first = rules.meet(REQUESTS, CREATE, NOW)
    assert first is not None
    assert (first.number, first.fault.rule, first.hits) == (1, M.REFUSE, 1)
    assert [each.number for each in rules.standing(NOW).values()] == [2]


def test_rules_of_another_kind_are_not_met() -> None:
    rules = faults(Fault(M.DROP_FRAMES))
    assert rules.meet(REQUESTS, CREATE, NOW) is None
    assert rules.meet(FRAMES, TICKER, NOW) is not None


def test_which_kinds_are_in_force_is_known_at_once() -> None:
    rules = faults(refuses())
    assert (rules.has_any(REQUESTS), rules.has_any(FRAMES)) == (True, False)
    rules.meet(REQUESTS, CREATE, NOW)
    rules.standing(NOW)
    assert not rules.has_any(REQUESTS)


def struck(seed: int, probability: float = 0.3, times: int = ALWAYS) -> list[bool]:
    rules = faults(refuses(probability=probability, seed=seed, times=times))
    return [rules.meet(REQUESTS, CREATE, NOW) is not None for _ in range(1_000)]


def test_chance_is_the_same_for_the_same_seed_and_as_likely_as_ordered() -> None:
    assert struck(1) == struck(1)
    assert struck(1) != struck(2)
    assert 250 < sum(struck(1)) < 350
    assert sum(struck(1, times=5)) == 5
    assert struck(1, probability=1.0) == [True] * 1_000


def test_a_rule_is_over_after_its_time() -> None:
    rules = faults(Fault(M.STALE_POSITIONS, times=ALWAYS, for_ms=100))
    assert rules.meet({M.STALE_POSITIONS}, CREATE, NOW + 99) is not None
    assert rules.meet({M.STALE_POSITIONS}, CREATE, NOW + 100) is None


def test_the_newest_rule_about_the_clock_counts() -> None:
    rules = faults(Fault(M.CLOCK, offset_ms=500, times=ALWAYS), Fault(M.CLOCK, offset_ms=-9, times=ALWAYS, for_ms=10))
    assert [rules.offset_ms(NOW + late) for late in (0, 10)] == [-9, 500]
    rules.clear()
    assert rules.offset_ms(NOW) == 0


def test_an_order_finds_as_much_as_the_rule_leaves_of_it() -> None:
    floor = Floor()
    floor.buys("1", orderType="Limit", price="50", orderLinkId="mine")
    (order,) = floor.books.open_orders()
    rules = faults(Fault(M.PARTIAL_FILL, order="mine", fraction=Fraction(D("0.25"))))
    assert [rules.scarcity(order) for _ in range(2)] == [D("0.25"), D(1)]


def test_cleared_rules_hit_nothing() -> None:
    rules = faults(refuses(times=100))
    rules.clear()
    assert rules.meet(REQUESTS, CREATE, NOW) is None


def test_rules_are_bounded_and_those_that_are_over_make_room() -> None:
    rules = faults(*[refuses()] * MOST_RULES)
    with pytest.raises(Refused, match="at most 100 rules"):
        rules.add(refuses(), NOW)
    rules.meet(REQUESTS, CREATE, NOW)
    assert rules.add(refuses(), NOW) == MOST_RULES + 1
