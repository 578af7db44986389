"""`GET /v1/universe`: which symbols all fetchers share, since which market hour, and what each filter leaves out."""

from typing import Protocol

from fastapi import APIRouter
from pydantic import JsonValue

from libs.common.units import HOUR_MS
from services.fetcher.core.choice import TURN_AT_MS, Choice

Json = dict[str, JsonValue]


class Chosen(Protocol):
    @property
    def stands(self) -> Choice | None:
        """None until something was chosen."""
        ...


def universe_routes(chosen: Chosen) -> APIRouter:
    """The endpoint, for `app.include_router`; it shows what stands when it is asked."""
    routes = APIRouter(tags=["universe"])

    @routes.get("/v1/universe")
    async def universe() -> Json:
        """The symbols, those of the settings that were delisted, and the symbols that each filter leaves out."""
        return {} if chosen.stands is None else shown(chosen.stands)

    return routes


def shown(choice: Choice) -> Json:
    """A choice as JSON; `since` is market ms, and `left_out` names the most traded ones of each filter."""
    return {
        "symbols": list(choice.symbols),
        "since": choice.turn * HOUR_MS + TURN_AT_MS,
        "settings": choice.terms,
        "delisted": list(choice.gone),
        "left_out": {
            str(reason): {"count": left_out.count, "symbols": list(left_out.symbols)}
            for reason, left_out in choice.left_out.items()
        },
    }
