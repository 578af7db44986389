from dataclasses import dataclass

import httpx
from fastapi import FastAPI

from libs.common.units import HOUR_MS, MINUTE_MS, Symbol
from services.fetcher.adapters.universe_api import universe_routes
from services.fetcher.core.choice import Choice, Filter, LeftOut

BTC, ETH = Symbol("BTCUSDT"), Symbol("ETHUSDT")


@dataclass
class Chosen:
    stands: Choice | None = None


async def test_the_universe_is_shown_with_its_hour_and_what_each_filter_leaves_out() -> None:
    chosen, app = Chosen(), FastAPI()
    app.include_router(universe_routes(chosen))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://fetcher") as http:
        assert (await http.get("/v1/universe")).json() == {}
        chosen.stands = Choice("top:1", 3, (BTC,), 0, (), {Filter.TOO_STILL: LeftOut(7, (ETH,))})
        assert (await http.get("/v1/universe")).json() == {
            "symbols": ["BTCUSDT"],
            "since": 3 * HOUR_MS + 7 * MINUTE_MS,
            "settings": "top:1",
            "delisted": [],
            "left_out": {"too_still": {"count": 7, "symbols": ["ETHUSDT"]}},
        }
