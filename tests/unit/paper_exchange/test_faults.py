import pytest
from pydantic import JsonValue

from libs.common.errors import Refused
from services.paper_exchange.core.faults import MOST_RULES, Fault, Faults, Misfortune, read_fault

CREATE, CANCEL = "/v5/order/create", "/v5/order/cancel"


def fault(endpoint: str = "", symbol: str = "", times: int = 1) -> Fault:
    return Fault(Misfortune.DROP_REPLY, endpoint, symbol, times)


@pytest.mark.parametrize(
    ("endpoint", "symbol", "hit"),
    [
        ("", "", True),
        ("order/create", "", True),
        ("create", "BTCUSDT", True),
        ("order/cancel", "", False),
        ("create", "ETHUSDT", False),
    ],
)
def test_a_rule_hits_the_requests_that_it_names(endpoint: str, symbol: str, hit: bool) -> None:
    assert fault(endpoint, symbol).hits(CREATE, "BTCUSDT") is hit


def test_a_rule_is_used_up_after_its_times() -> None:
    faults = Faults()
    faults.add(fault("create", times=2))
    met = [faults.meet(path, "B") is not None for path in (CREATE, CANCEL, CREATE, CREATE)]
    assert met == [True, False, True, False]
    assert not faults.rules


def test_each_request_meets_the_first_rule_that_fits_and_no_other() -> None:
    faults = Faults()
    first, second = fault(times=1), fault("create", times=1)
    faults.add(first)
    faults.add(second)
    assert faults.meet(CREATE, "B") == first
    assert faults.rules == (second,)


def test_cleared_rules_hit_nothing() -> None:
    faults = Faults()
    faults.add(fault(times=100))
    faults.clear()
    assert faults.meet(CREATE, "") is None


def test_rules_are_bounded() -> None:
    faults = Faults()
    for _ in range(MOST_RULES):
        faults.add(fault())
    with pytest.raises(Refused, match="at most 100 rules"):
        faults.add(fault())


def test_a_rule_is_read_with_its_defaults() -> None:
    assert read_fault({"rule": "refuse"}) == Fault(Misfortune.REFUSE, "", "", 1, 0, 10016)
    everything: JsonValue = {"rule": "delay", "endpoint": "create", "symbol": "B", "times": 3, "delay_ms": 9}
    assert read_fault(everything) == Fault(Misfortune.DELAY, "create", "B", 3, 9, 10016)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (None, "must be an object"),
        ([], "must be an object"),
        ({"rule": "delay", "tiems": 2}, "must be an object"),
        ({}, "rule = None"),
        ({"rule": "explode"}, "drop_reply, delay, refuse, disconnect"),
        ({"rule": "delay", "endpoint": 5}, "endpoint = 5: must be text"),
        ({"rule": "delay", "times": 0}, "times = 0"),
        ({"rule": "delay", "times": True}, "times = True"),
        ({"rule": "delay", "times": "2"}, "times = '2'"),
        ({"rule": "delay", "delay_ms": 60_001}, "delay_ms = 60001: must be a whole number from 0 to 60000"),
        ({"rule": "refuse", "ret_code": 0}, "ret_code = 0"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_by_name(body: JsonValue, text: str) -> None:
    with pytest.raises(Refused, match=text):
        read_fault(body)
