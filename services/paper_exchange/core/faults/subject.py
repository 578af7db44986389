"""What a request, a frame or an order is about, as a rule of misfortune may name it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from pydantic import JsonValue

from services.paper_exchange.core.books.fields import Json
from services.paper_exchange.core.books.order import Order


class Stream(StrEnum):
    PRIVATE = "private"
    PUBLIC = "public"
    TRADE = "trade"


@dataclass(frozen=True, slots=True)
class Subject:
    path: str = ""
    symbols: frozenset[str] = frozenset()
    orders: frozenset[str] = frozenset()  # ids, the venue's and the client's
    topic: str = ""
    stream: Stream | None = None
    has_stop: bool = False


def of_request(path: str, asked: Mapping[str, JsonValue]) -> Subject:
    """What a request is about, whether it is one order or a batch of them."""
    parts = list(rows_of(asked.get("request"))) or [dict(asked)]
    return Subject(
        path=path,
        symbols=_words(parts, "symbol"),
        orders=_words(parts, "orderId") | _words(parts, "orderLinkId"),
        has_stop=any(_sets_stop(part) for part in parts),
    )


def of_frame(stream: Stream, frame: Json) -> Subject | None:
    """What a pushed frame is about; None for an answer to the client, which has no topic."""
    topic = frame.get("topic")
    if not isinstance(topic, str):
        return None
    rows = list(rows_of(frame.get("data")))
    named = topic.rpartition(".")[2]
    return Subject(
        symbols=_words(rows, "symbol") | (frozenset({named}) if stream is Stream.PUBLIC else frozenset()),
        orders=_words(rows, "orderId") | _words(rows, "orderLinkId"),
        topic=topic,
        stream=stream,
    )


def of_order(order: Order) -> Subject:
    return Subject(symbols=frozenset({order.symbol}), orders=frozenset({order.order_id, order.link_id} - {""}))


def _sets_stop(asked: Json) -> bool:
    """Whether it brings or moves a stop: of the position, or a conditional order that closes it."""
    closes = any(str(asked.get(name)).lower() == "true" for name in ("reduceOnly", "closeOnTrigger"))
    names = ("stopLoss", "trailingStop", *(("triggerPrice",) if closes else ()))
    return any(_is_set(asked.get(name)) for name in names)


def _is_set(price: JsonValue) -> bool:
    return isinstance(price, str | int | float) and str(price) not in {"", "0"}


def rows_of(value: JsonValue) -> Iterator[Json]:
    """The objects in a list, or the one that there is."""
    rows = value if isinstance(value, list) else [value]
    yield from (row for row in rows if isinstance(row, dict))


def _words(rows: list[Json], name: str) -> frozenset[str]:
    return frozenset(word for row in rows if isinstance(word := row.get(name), str) and word)
