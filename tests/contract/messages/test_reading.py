"""What cannot be read is Poison that names what is wrong; what is old is brought up to date."""

import json
from typing import ClassVar

import orjson
import pytest
from pydantic import JsonValue

from libs.common.contracts.message import Message
from libs.common.contracts.registry import MODELS, Json, decode, encode
from libs.common.errors import Poison
from tests.support.builders import ONE_OF_EACH, signal

ENVELOPE: Json = {"id": "a", "cause": "", "trace": "", "at": 1, "sent": 2, "source": "test"}


class Sailed(Message):
    schema_name: ClassVar[str] = "ship.sailed.v3"
    side: str
    knots: int


def from_v1(old: Json) -> Json:
    """v1 had no side: every ship sailed to starboard."""
    return {**old, "side": "starboard"}


def from_v2(old: Json) -> Json:
    """v2 counted in metres a second."""
    metres = old.pop("speed")
    assert isinstance(metres, int)
    return {**old, "knots": metres * 2}


UPCASTERS = {"ship.sailed.v1": ("ship.sailed.v2", from_v1), "ship.sailed.v2": ("ship.sailed.v3", from_v2)}


def read(schema: str, body: Json) -> Message:
    return decode(schema.encode(), orjson.dumps(body), models={"ship.sailed.v3": Sailed}, upcasters=UPCASTERS)


def test_an_old_version_is_brought_up_to_date_step_by_step() -> None:
    message = read("ship.sailed.v1", {**ENVELOPE, "speed": 5})
    assert message == Sailed(id="a", cause="", trace="", at=1, sent=2, source="test", side="starboard", knots=10)  # type: ignore[arg-type]


def test_a_middle_version_enters_the_chain_where_it_stands() -> None:
    message = read("ship.sailed.v2", {**ENVELOPE, "side": "port", "speed": 4})
    assert isinstance(message, Sailed)
    assert (message.side, message.knots) == ("port", 8)


def test_an_old_version_with_something_missing_is_poison_too() -> None:
    with pytest.raises(Poison, match="side"):
        read("ship.sailed.v2", {**ENVELOPE, "speed": 4})


def test_a_version_from_the_future_is_poison() -> None:
    with pytest.raises(Poison, match=r"ship\.sailed\.v4"):
        read("ship.sailed.v4", ENVELOPE)


def test_a_body_that_is_not_json_is_poison() -> None:
    with pytest.raises(Poison, match=r"signal\.made\.v1"):
        decode(b"signal.made.v1", b"{")


@pytest.mark.parametrize("schema", sorted(MODELS))
def test_a_field_too_many_is_poison_by_name(schema: str) -> None:
    body = orjson.loads(encode(ONE_OF_EACH[schema]())[1]) | {"surprise": 1}
    with pytest.raises(Poison, match="surprise"):
        decode(schema.encode(), orjson.dumps(body))


@pytest.mark.parametrize("schema", sorted(MODELS))
def test_a_missing_field_is_poison_by_name(schema: str) -> None:
    body = orjson.loads(encode(ONE_OF_EACH[schema]())[1])
    required = [name for name, field in MODELS[schema].model_fields.items() if field.is_required()]
    for name in required:
        with pytest.raises(Poison, match=name):
            decode(schema.encode(), orjson.dumps({key: value for key, value in body.items() if key != name}))


@pytest.mark.parametrize("value", [None, "not a number", "", ["1"], True])
def test_money_that_is_no_number_is_poison_by_name(value: JsonValue) -> None:
    body = orjson.loads(encode(signal())[1])
    body["decision"]["price"] = value
    with pytest.raises(Poison, match=r"decision\.price"):
        decode(b"signal.made.v1", orjson.dumps(body))


def test_decimals_travel_as_strings_and_keep_every_digit() -> None:
    name, body = encode(signal())
    assert name == b"signal.made.v1"
    assert orjson.loads(body)["decision"]["price"] == "115100.9"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("symbol", ""),
        ("symbol", "BTC/USDT"),
        ("symbol", "B" * 21),
        ("at", 2**70),
        ("at", -1),
        ("slot", 1),
        ("valid_until", 10**18),
    ],
)
def test_what_no_store_and_no_order_could_bear_is_poison(field: str, value: JsonValue) -> None:
    schema, body = encode(signal())
    changed = json.dumps({**json.loads(body), field: value})  # orjson writes no integer beyond 64 bits
    with pytest.raises(Poison, match=field):
        decode(schema, changed.encode())
