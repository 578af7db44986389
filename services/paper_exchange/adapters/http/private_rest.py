"""The signed endpoints: commands to the desk one by one or in batches, and questions about the books."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Protocol

from pydantic import JsonValue

from libs.common.errors import Refused
from libs.common.units import Instant
from services.paper_exchange.adapters.http.envelope import Answer
from services.paper_exchange.adapters.http.reception import Desk, Endpoint
from services.paper_exchange.core.books.commands import BATCH, COMMANDS, MOST_BATCHED, parts_of
from services.paper_exchange.core.books.fields import Fields, Json
from services.paper_exchange.core.books.refusals import BAD_PARAMETER, bad

BATCHES: Final = ("/v5/order/create", "/v5/order/amend", "/v5/order/cancel")  # what there is a `-batch` of

Question = Callable[[Fields], Json]
Act = Callable[[Fields], Awaitable[Answer]]


class DatedDesk(Desk, Protocol):
    @property
    def now(self) -> Instant:
        """Market time."""
        ...


def signed_endpoints(desk: DatedDesk, questions: Mapping[str, Question]) -> dict[str, Endpoint]:
    """Return the endpoint of every command, batch and question by its path."""
    return {
        **{path: Endpoint("POST", _command(desk, path), signed=True) for path in COMMANDS},
        **{path + BATCH: Endpoint("POST", _batch(desk, path), signed=True, cost=_size(path)) for path in BATCHES},
        **{path: Endpoint("GET", _question(desk, ask), signed=True) for path, ask in questions.items()},
    }


def _command(desk: Desk, path: str) -> Act:
    async def act(fields: Fields) -> Answer:
        return Answer(desk.command(path, fields))

    return act


def _question(desk: Desk, ask: Question) -> Act:
    async def act(fields: Fields) -> Answer:
        await desk.durable()
        return Answer(ask(fields))

    return act


def _batch(desk: DatedDesk, path: str) -> Act:
    """Each item is a command of its own: the batch succeeds whatever becomes of them."""

    async def act(fields: Fields) -> Answer:
        try:
            items = _items(fields)
        except Refused as error:
            desk.refuse(path + BATCH, fields, error)
            raise
        outcomes = [_item(desk, path, item) for item in items]
        rows: list[JsonValue] = [row for row, _ in outcomes]
        return Answer({"list": rows}, extra={"list": [said for _, said in outcomes]})

    return act


def _item(desk: DatedDesk, path: str, item: Json) -> tuple[Json, Json]:
    """Return the row of one item, and what is said of it."""
    fields = Fields({"category": "linear", **item})
    row: Json = {"category": "linear", "symbol": fields.word("symbol")}
    created = path.endswith("create")
    try:
        ids = desk.command(path, fields)
    except Refused as error:
        code = BAD_PARAMETER if error.code is None else error.code
        none: Json = {"orderId": "", "orderLinkId": fields.word("orderLinkId"), **({"createAt": ""} if created else {})}
        return {**row, **none}, {"code": code, "msg": str(error)}
    return {**row, **ids, **({"createAt": str(desk.now)} if created else {})}, {"code": 0, "msg": "OK"}


def _items(fields: Fields) -> Sequence[Json]:
    fields.linear()
    items = fields.objects("request")
    if not 1 <= len(items) <= MOST_BATCHED:
        raise bad(f"params error: request must hold 1 to {MOST_BATCHED} orders")
    return items


def _size(path: str) -> Callable[[Fields], int]:
    """A batch counts as many calls as it holds."""
    return lambda fields: len(parts_of(path + BATCH, fields))
