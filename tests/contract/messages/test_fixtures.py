"""Every message ever sent can be read: one JSON fixture per schema, kept for ever.

`python -m tests.contract.messages.write_fixtures` writes those that are missing; one that exists is never rewritten.
"""

from pathlib import Path

import orjson
import pytest

from libs.common.contracts import registry
from libs.common.contracts.registry import MODELS, UPCASTERS, decode, encode
from tests.support.builders import ONE_OF_EACH

FIXTURES = Path(registry.__file__).parent / "fixtures"
SENT = sorted(path.stem for path in FIXTURES.glob("*.json"))


def test_every_schema_has_a_fixture_and_a_builder() -> None:
    assert set(MODELS) <= set(SENT), "run python -m tests.contract.messages.write_fixtures"
    assert set(ONE_OF_EACH) == set(MODELS)


def test_every_fixture_can_be_read() -> None:
    assert set(SENT) <= set(MODELS) | set(UPCASTERS)


@pytest.mark.parametrize("schema", SENT)
def test_a_fixture_decodes_and_what_is_current_encodes_to_the_same_again(schema: str) -> None:
    body = (FIXTURES / f"{schema}.json").read_bytes()
    message = decode(schema.encode(), body)
    if schema in MODELS:
        name, encoded = encode(message)
        assert name.decode() == schema
        assert orjson.loads(encoded) == orjson.loads(body)


@pytest.mark.parametrize("schema", sorted(MODELS))
def test_what_is_built_survives_the_wire(schema: str) -> None:
    message = ONE_OF_EACH[schema]()
    assert decode(*encode(message)) == message


@pytest.mark.parametrize("schema", sorted(MODELS))
def test_a_schema_begins_with_its_stream_and_ends_with_its_version(schema: str) -> None:
    stream, _, rest = schema.partition(".")
    assert MODELS[schema].stream() == stream
    assert rest.rpartition(".v")[2].isdigit()
