from decimal import Decimal as D
from typing import Any

import pytest
from pydantic import JsonValue

from libs.common.errors import Refused
from services.paper_exchange.core.faults.fault_order import TAKES, read_fault
from services.paper_exchange.core.faults.faults import ALWAYS, Misfortune
from services.paper_exchange.core.faults.subject import Stream


def test_every_misfortune_has_its_fields() -> None:
    assert set(TAKES) == set(Misfortune)
    for rule in Misfortune:
        body: dict[str, JsonValue] = {"rule": rule.value, **({"offset_ms": 5} if rule is Misfortune.CLOCK else {})}
        assert read_fault(body).rule is rule


def test_a_rule_is_read_with_its_defaults() -> None:
    fault = read_fault({"rule": "refuse"})
    assert (fault.times, fault.probability, fault.ret_code, fault.endpoint, fault.accepted) == (1, 1, 10016, "", False)
    assert read_fault({"rule": "refuse_stop"}).ret_code == 10001
    assert read_fault({"rule": "http_error"}).status == 502
    assert read_fault({"rule": "unreadable"}).accepted
    assert read_fault({"rule": "partial_fill"}).fraction == D("0.5")


def test_a_rule_of_chance_or_of_time_goes_on_until_it_is_told_otherwise() -> None:
    assert read_fault({"rule": "refuse", "probability": 0.5}).times == ALWAYS
    assert read_fault({"rule": "refuse", "probability": 0.5, "times": 2}).times == 2
    assert read_fault({"rule": "stale_positions", "for_ms": 50}).times == ALWAYS
    assert read_fault({"rule": "clock", "offset_ms": -50}).times == ALWAYS


def test_everything_that_a_rule_takes_is_read() -> None:
    fault = read_fault(
        {"rule": "delay_frames", "topic": "order", "symbol": "B", "order": "x", "stream": "private", "times": 3,
         "probability": 0.25, "seed": 9, "delay_ms": 70}
    )  # fmt: skip
    assert (fault.topic, fault.symbol, fault.order, fault.stream) == ("order", "B", "x", Stream.PRIVATE)
    assert (fault.times, fault.probability, fault.seed, fault.delay_ms) == (3, 0.25, 9, 70)


@pytest.mark.parametrize("fraction", ["0.25", 0.25])
def test_a_fraction_may_be_text_or_a_number(fraction: JsonValue) -> None:
    assert read_fault({"rule": "partial_fill", "fraction": fraction}).fraction == D("0.25")


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (None, "must be an object"),
        ([], "must be an object"),
        ({}, "rule = None: must be one of lose_request"),
        ({"rule": "explode"}, "rule = 'explode': must be one of .*drop_reply.*restart"),
        ({"rule": "delay", "tiems": 2}, "tiems = 2: delay takes endpoint, symbol, order, times"),
        ({"rule": "delay", "offset_ms": 2}, "offset_ms = 2: delay takes"),
        ({"rule": "delay", "endpoint": 5}, "endpoint = 5: must be text"),
        ({"rule": "delay", "symbol": "B" * 201}, "symbol = 'B"),
        ({"rule": "delay", "times": 0}, "times = 0: must be a whole number from 1 to 1000000"),
        ({"rule": "delay", "times": True}, "times = True"),
        ({"rule": "delay", "times": "2"}, "times = '2'"),
        ({"rule": "delay", "delay_ms": 60_001}, "delay_ms = 60001: must be a whole number from 0 to 60000"),
        ({"rule": "refuse", "ret_code": 0}, "ret_code = 0"),
        ({"rule": "refuse", "probability": 0}, "probability = 0: must be a number above 0 and at most 1"),
        ({"rule": "refuse", "probability": "0.5"}, "probability = '0.5'"),
        ({"rule": "http_error", "status": 404}, "status = 404: must be a whole number from 500 to 599"),
        ({"rule": "http_error", "accepted": 1}, "accepted = 1: must be true or false"),
        ({"rule": "partial_fill", "fraction": 1}, "fraction = 1: must be a number from 0 to below 1"),
        ({"rule": "partial_fill", "fraction": "NaN"}, "fraction = 'NaN'"),
        ({"rule": "partial_fill", "fraction": "much"}, "fraction = 'much'"),
        ({"rule": "partial_fill", "fraction": False}, "fraction = False"),
        ({"rule": "disconnect", "stream": "secret"}, "stream = 'secret': must be one of private, public, trade"),
        ({"rule": "clock"}, "offset_ms is missing"),
        ({"rule": "restart", "down_ms": -1}, "down_ms = -1"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_by_name(body: Any, text: str) -> None:
    with pytest.raises(Refused, match=text):
        read_fault(body)
