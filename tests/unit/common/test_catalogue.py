import pytest

from libs.common.bus import BROADCAST_STREAMS, WORK_STREAMS
from libs.common.contracts.catalogue import STREAMS, catalogue, type_name
from libs.common.contracts.registry import MODELS
from libs.common.contracts.signals import Vote
from libs.common.units import Price


def test_every_schema_and_every_field_is_told() -> None:
    page = catalogue()
    for name, model in MODELS.items():
        assert f"### `{name}`" in page
        assert all(f"`{field}`" in page for field in model.model_fields)


def test_the_kinds_of_streams_are_the_buses() -> None:
    assert {name for name, stream in STREAMS.items() if stream.kind == "work"} == WORK_STREAMS
    assert {name for name, stream in STREAMS.items() if stream.kind == "broadcast"} == BROADCAST_STREAMS


@pytest.mark.parametrize(
    ("annotation", "name"),
    [
        (Price, "Price"),
        (int, "int"),
        (Price | None, "Price or nothing"),
        (tuple[Vote, ...], "list of Vote"),
    ],
)
def test_a_type_is_told_as_a_reader_of_json_would_say_it(annotation: object, name: str) -> None:
    assert type_name(annotation) == name
