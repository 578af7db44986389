"""How a route of the executor's interface is declared and described, and how its lists are asked for."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, Final, get_args

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints, create_model

from libs.common.contracts.bounds import LATEST, SymbolOrAll
from libs.common.problems import problems
from services.executor.adapters.answers import Answer
from services.executor.adapters.list_rows import Asked

Json = dict[str, JsonValue]
WRONG: Final[Mapping[int, str]] = {  # status -> when
    401: "reads need the token from here: Authorization: Bearer <api.token>",
    422: "query.limit = '0': Input should be greater than or equal to 1",
    503: "the venue or the ledger does not answer",
}


class Question(BaseModel):
    """What may be asked of a list; anything else is refused, for a misspelt filter would filter nothing."""

    model_config = ConfigDict(extra="forbid")

    limit: Annotated[int, Field(ge=1, le=1000, description="Rows on a page")] = 100
    cursor: Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00]*$"), Field(description="A `next`")] = ""
    symbol: Annotated[SymbolOrAll, Field(description="Only this one")] = ""
    since: Annotated[int | None, Field(ge=0, le=LATEST, description="At or after, ms")] = None
    until: Annotated[int | None, Field(ge=0, le=LATEST, description="Before, ms")] = None

    def asked(self) -> Asked:
        return Asked(self.limit, self.cursor, self.symbol, self.since, self.until)


List = Annotated[Question, Query()]


def page_of(row: type[BaseModel]) -> type[BaseModel]:
    """The answer of a list of `row`."""
    following = Field(
        default=...,
        examples=["1757894400000~ika-BTCUSDT-hfyo0-e"],
        description="Cursor of the next page; null at the end",
    )
    return create_model(f"{row.__name__}s", __base__=Answer, items=(list[row], ...), next=(str | None, following))  # type: ignore[valid-type]


def example_of(model: type[BaseModel]) -> JsonValue:
    """Put a whole answer together from the examples of its fields."""
    said = model.model_config.get("json_schema_extra")
    whole = said.get("examples") if isinstance(said, dict) else None
    if isinstance(whole, list):
        return whole[0]
    return {name: _example(field.annotation, field.examples) for name, field in model.model_fields.items()}


def _example(annotation: Any, examples: list[JsonValue] | None) -> JsonValue:
    if examples:
        return examples[0]
    if get_args(annotation):
        return [example_of(get_args(annotation)[0])]
    return example_of(annotation)


def route(routes: APIRouter, method: str, *, refuses: Mapping[int, str] | None = None) -> Callable[..., None]:
    """What adds an endpoint to `routes`, described for the reader of `/docs`.

    refuses: the statuses of its errors beside those that every endpoint has, each with an example of its text.
    """

    def add(
        path: str,
        endpoint: Callable[..., Awaitable[Json]],
        summary: str,
        answer: type[BaseModel],
        status: int = 200,
        **refused: str,
    ) -> None:
        said = {"description": summary, "model": answer}
        content = {"application/json": {"example": example_of(answer)}}
        wrong = {**WRONG, **(refuses or {}), **{int(code.removeprefix("on_")): text for code, text in refused.items()}}
        routes.add_api_route(
            path,
            endpoint,
            methods=[method],
            summary=summary,
            status_code=status,
            tags=["v1"],
            response_model=None,  # described, not filtered
            responses={status: {**said, "content": content}, **problems(wrong)},
        )

    return add
