"""Reads JSON that anybody may send.

What is read can be written again, and shown: no nesting that would be too deep for either comes through.
"""

from typing import Final

import orjson
from pydantic import JsonValue

from libs.common.errors import Refused

MOST_NESTED: Final = 100  # lists and objects; a batch of twenty orders has two dozen


def read_json(said: bytes | str) -> JsonValue:
    """Return what was said; raises Refused for what is no JSON, or holds more lists and objects than any request."""
    text = said if isinstance(said, bytes) else said.encode()
    if text.count(b"[") + text.count(b"{") > MOST_NESTED:
        raise Refused(f"more than {MOST_NESTED} lists and objects")
    try:
        read: JsonValue = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Refused(f"body is not JSON: {error}") from error
    return read
