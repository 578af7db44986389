import orjson
import pytest

from libs.common.errors import Refused
from services.paper_exchange.core.dialect.reading import MOST_NESTED, read_json


@pytest.mark.parametrize("said", [b'{"a":[1,"x",null]}', '{"a":[1,"x",null]}', b"[]", b"1"])
def test_json_is_read_as_text_or_bytes(said: bytes | str) -> None:
    assert read_json(said) == orjson.loads(said)


@pytest.mark.parametrize("said", [b"", b"{", b"\xff", "NaN", '{"a":"\\ud800"}', b'{"a":1}x'])
def test_what_is_no_json_is_refused(said: bytes | str) -> None:
    with pytest.raises(Refused, match="not JSON"):
        read_json(said)


def test_nesting_that_could_not_be_written_again_is_refused() -> None:
    deepest = b"[" * MOST_NESTED + b"]" * MOST_NESTED
    assert orjson.dumps(read_json(deepest)) == deepest
    with pytest.raises(Refused, match=f"more than {MOST_NESTED}"):
        read_json(b"[" + deepest + b"]")
