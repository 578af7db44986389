"""The catalogue of streams, written from the contracts themselves: `python -m libs.common.contracts.catalogue`.

1. Every schema of the registry is in it, under the stream that its name begins with.
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from inspect import cleandoc
from types import UnionType
from typing import Final, Union, get_args, get_origin

from pydantic import BaseModel

from libs.common.contracts.message import Message, Value
from libs.common.contracts.registry import MODELS


@dataclass(frozen=True, slots=True)
class Stream:
    kind: str  # work, broadcast or series
    written_by: str
    read_by: str


STREAMS: Final[Mapping[str, Stream]] = {
    "candles:{SYMBOL}:{tf}": Stream("series", "fetcher", "anyone"),
    "candle": Stream("broadcast", "fetcher", "predictor, executor, dashboard"),
    "price": Stream("broadcast", "fetcher", "trailing, executor, dashboard"),
    "signal": Stream("work", "predictor", "executor"),
    "command": Stream("work", "trailing, REST, command line, dashboard", "executor"),
    "order": Stream("broadcast", "executor", "fetcher, dashboard, metrics"),
    "position": Stream("broadcast", "executor", "trailing, fetcher, predictor, dashboard"),
    "trade": Stream("work", "executor", "postmortem, predictor"),
    "lesson": Stream("work", "postmortem", "predictor"),
    "postmortem": Stream("broadcast", "postmortem", "command line, dashboard"),
    "recovery": Stream("broadcast", "executor", "command line, dashboard"),
}
INTRODUCTION: Final = """
# Streams

Every arrow between services is a Redis stream. This page is made from the message contracts by
`python -m libs.common.contracts.catalogue > docs/streams.md`; a test fails when it is out of date.

Keys begin with `ik:` (setting `redis.prefix`). An entry has two fields: `t`, the schema's name and version, and `m`,
the message as JSON. `Price`, `Qty`, `Usd` and `Fraction` are strings of decimals (a price in quote currency, a quantity
in base units, an amount in USDT, a share where 0.01 is one per cent); `Instant` is milliseconds since 1970 in UTC.

- **work**: one consumer group per reading service; an entry is acknowledged when its effect is durable, claimed back
  from dead consumers, and moved to `ik:dead` when it cannot be read or was handed out too often.
- **broadcast**: read whole by every instance from its own cursor.
- **series**: one closed candle an entry, whose id is `<open time in ms>-0`: a repeated candle is refused by Redis.

Consumers are deployed before producers: unknown fields and versions from the future are refused. What was sent under an
older version is read for ever, through an upcaster.
"""


def catalogue() -> str:
    """Return the page as Markdown."""
    return "\n".join(("\n".join(_overview()), "\n".join(_messages()), "\n".join(_parts())))


def _overview() -> Iterator[str]:
    yield INTRODUCTION.strip()
    yield ""
    yield "| stream | kind | written by | read by | messages |"
    yield "|---|---|---|---|---|"
    for name, stream in STREAMS.items():
        schemas = ", ".join(f"`{model.schema_name}`" for model in _on(name))
        yield f"| `ik:{name}` | {stream.kind} | {stream.written_by} | {stream.read_by} | {schemas} |"
    yield "| `ik:dead` | – | any | operator | what could not be handled, with the reason |"


def _messages() -> Iterator[str]:
    yield "\n## Every message has\n"
    yield from _fields(Message, Value)
    for name in STREAMS:
        if name in {model.stream() for model in MODELS.values()}:
            yield f"\n## `ik:{name}`"
        for model in _on(name):
            if model.stream() == name:
                yield f"\n### `{model.schema_name}`\n"
                yield from _story(model)
                yield from _fields(model, Message)


def _parts() -> Iterator[str]:
    yield "\n## Parts of messages"
    parts = sorted(_parts_of(*MODELS.values()), key=_full_name)
    for part in parts:
        yield f"\n### {part.__name__} ({part.__module__.rpartition('.')[2]})\n"
        yield from _story(part)
        yield from _fields(part, Value)
    yield "\n## Words\n"
    types = {leaf for model in (*MODELS.values(), *parts) for leaf in _types_of(model)}
    words = [each for each in types if isinstance(each, type) and issubclass(each, StrEnum)]
    for word in sorted(words, key=_full_name):
        yield f"- `{word.__name__}`: {', '.join(word)}"
    yield ""


def _on(name: str) -> list[type[Message]]:
    stream = "candle" if name.startswith("candles:") else name
    found = [model for model in MODELS.values() if model.stream() == stream]
    return found if stream == name else [model for model in found if model.schema_name == "candle.closed.v1"]


def _story(model: type[BaseModel]) -> Iterator[str]:
    if model.__doc__ and model.__doc__ not in {base.__doc__ for base in model.__mro__[1:]}:
        yield f"{cleandoc(model.__doc__)}\n"


def _fields(model: type[BaseModel], base: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        if name not in base.model_fields:
            yield f"- `{name}`: {type_name(field.annotation)}"


def _parts_of(*models: type[BaseModel]) -> set[type[BaseModel]]:
    found: set[type[BaseModel]] = set()
    for model in models:
        new = {each for each in _types_of(model) if isinstance(each, type) and issubclass(each, BaseModel)}
        found |= new | _parts_of(*(new - found))
    return found


def _types_of(model: type[BaseModel]) -> Iterator[object]:
    for field in model.model_fields.values():
        yield from _leaves(field.annotation)


def _leaves(annotation: object) -> Iterator[object]:
    inner = get_args(annotation)
    if not inner:
        yield annotation
    for each in inner:
        yield from _leaves(each)


def _full_name(kind: type) -> tuple[str, str]:
    return kind.__name__, kind.__module__


def type_name(annotation: object) -> str:
    """A type as a reader of JSON would say it: `Price`, `Stop or nothing`, `list of Vote`."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        known = [type_name(each) for each in inner if each is not type(None)]
        return " or ".join(known + (["nothing"] if type(None) in inner else []))
    if origin is tuple:
        return f"list of {type_name(inner[0])}"
    return str(getattr(annotation, "__name__", annotation))


if __name__ == "__main__":
    sys.stdout.write(catalogue())
