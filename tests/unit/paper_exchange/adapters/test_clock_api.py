from decimal import Decimal

import pytest
from starlette.routing import Route

from libs.common.clock import SystemClock
from libs.common.units import DAY_MS, HOUR_MS, Instant
from services.paper_exchange.adapters.http.clock_api import clock_routes
from services.paper_exchange.adapters.markets.replay import replay_market
from tests.support.panels import MadePanel
from tests.support.shown_market import ShownMarket, ask, get

pytestmark = pytest.mark.anyio

PATH = "/paper/v1/clock"


class Settled:
    def __init__(self) -> None:
        self.steps = 0

    async def settle(self) -> None:
        self.steps += 1


@pytest.fixture
def world(made_panel: MadePanel) -> ShownMarket:
    market = replay_market(made_panel.directory, symbols="top:50", start=None, end=None)
    return ShownMarket(market, market.start)


@pytest.fixture
def listeners() -> Settled:
    return Settled()


@pytest.fixture
def routes(world: ShownMarket, listeners: Settled) -> list[Route]:
    return clock_routes(world, [listeners], SystemClock())


async def test_the_clock_tells_where_it_is(world: ShownMarket, routes: list[Route]) -> None:
    world.executions = 3

    assert await get(routes, PATH) == {
        "market_ms": world.market.start,
        "speed": "max",
        "paused": False,
        "ended": False,
        "executions": 3,
        "http": 200,
    }


async def test_a_step_moves_the_market_and_answers_when_all_is_told(
    world: ShownMarket, listeners: Settled, routes: list[Route]
) -> None:
    answer = await ask(routes, "POST", PATH, content=b'{"step": 60000}')

    assert answer["market_ms"] == world.now == world.market.start + 60_000
    assert listeners.steps == 1


async def test_a_market_stands_still_at_its_end_and_says_so(world: ShownMarket, routes: list[Route]) -> None:
    world.now = Instant((world.market.end or 0) - HOUR_MS)

    answer = await ask(routes, "POST", PATH, content=b'{"step": %d}' % DAY_MS)

    assert (answer["market_ms"], answer["ended"]) == (world.market.end, True)


async def test_speed_and_pause_are_set_together(world: ShownMarket, routes: list[Route]) -> None:
    answer = await ask(routes, "POST", PATH, content=b'{"speed": 1800, "paused": true}')

    assert (answer["speed"], answer["paused"]) == (1800.0, True)
    assert (world.speed, world.paused) == (Decimal(1800), True)


async def test_a_running_market_is_not_stepped(world: ShownMarket, routes: list[Route]) -> None:
    answer = await ask(routes, "POST", PATH, content=b'{"speed": 60, "step": 1000}')

    assert (answer["http"], world.now, world.speed) == (400, world.market.start, None)
    assert "pause the clock first" in str(answer["error"])


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"nonsense", "not JSON"),
        (b"[]", "must be an object"),
        (b"{}", "must be an object"),
        (b'{"sped": 1}', "must be an object"),
        (b'{"speed": 0}', "speed = 0"),
        (b'{"speed": "fast"}', "speed = 'fast'"),
        (b'{"speed": 100001}', "at most 100000"),
        (b'{"paused": 1}', "paused = 1"),
        (b'{"step": -5}', "step = -5"),
        (b'{"step": 1.5}', "step = 1.5"),
    ],
)
async def test_what_cannot_be_asked_of_the_clock_is_400_with_a_reason(
    routes: list[Route], body: bytes, text: str
) -> None:
    answer = await ask(routes, "POST", PATH, content=body)

    assert answer["http"] == 400
    assert text in str(answer["error"])
