import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal

import orjson
import pytest
from pydantic import JsonValue
from starlette.types import Message
from starlette.websockets import WebSocket
from structlog.testing import capture_logs

from libs.common.clock import SystemClock
from libs.common.units import Instant
from services.paper_exchange.adapters.markets.replay import replay_market
from services.paper_exchange.adapters.sockets import lines
from services.paper_exchange.adapters.sockets.outbox import Outbox
from services.paper_exchange.adapters.sockets.public_ws import PublicHub
from tests.support.panels import MADE_FIRST, STEP_MS, MadePanel
from tests.support.shown_market import ShownMarket

pytestmark = pytest.mark.anyio

NOW = Instant(MADE_FIRST + 40 * STEP_MS - 1_000)  # the last second of an hour
Frame = dict[str, JsonValue]


class Client:
    """The far end of a socket: what is said goes to the hub, what the hub sends is in `frames`."""

    def __init__(self, hub: PublicHub) -> None:
        self._said: asyncio.Queue[Message] = asyncio.Queue()
        self._heard: asyncio.Queue[Frame] = asyncio.Queue()
        self._said.put_nowait({"type": "websocket.connect"})
        self.reading = asyncio.Event()
        self.reading.set()
        self.closed_with: int | None = None
        scope = {"type": "websocket", "path": "/v5/public/linear", "headers": [], "query_string": b""}
        self.serving = asyncio.create_task(hub.serve(WebSocket(scope, self._said.get, self._send)))

    async def _send(self, message: Message) -> None:
        await self.reading.wait()
        if message["type"] == "websocket.close":
            self.closed_with = message["code"]
        if message["type"] == "websocket.send":
            self._heard.put_nowait(orjson.loads(message["text"]))

    def say(self, **message: JsonValue) -> None:
        self._said.put_nowait({"type": "websocket.receive", "text": orjson.dumps(message).decode()})

    async def hear(self) -> Frame:
        async with asyncio.timeout(10):
            return await self._heard.get()

    async def subscribe(self, *topics: str) -> None:
        self.say(op="subscribe", args=list(topics), req_id="r")
        assert (await self.hear())["success"] is True
        for _ in topics:
            await self.hear()

    def heard(self) -> list[Frame]:
        return [self._heard.get_nowait() for _ in range(self._heard.qsize())]

    async def leave(self) -> None:
        self._said.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await self.serving


@pytest.fixture
def world(made_panel: MadePanel) -> ShownMarket:
    world = ShownMarket(replay_market(made_panel.directory, symbols="top:50", start=None, end=None), NOW)
    world.hub = PublicHub(world, SystemClock())
    return world


@pytest.fixture
async def client(world: ShownMarket) -> AsyncIterator[Client]:
    assert world.hub is not None
    client = Client(world.hub)
    yield client
    await client.leave()


async def step(world: ShownMarket, ms: int) -> None:
    assert world.hub is not None
    world.advance(Instant(world.now + ms))
    await world.hub.settle()


def told(frames: list[Frame]) -> list[tuple[JsonValue, JsonValue]]:
    return [(frame["topic"], frame["ts"]) for frame in frames]


async def test_a_ping_is_answered_with_the_id_it_came_with(client: Client) -> None:
    client.say(op="ping", req_id=7)

    answer = await client.hear()

    assert (answer["op"], answer["ret_msg"], answer["req_id"]) == ("ping", "pong", 7)


async def test_a_ticker_begins_with_a_snapshot_and_goes_on_with_what_changed(
    world: ShownMarket, client: Client
) -> None:
    client.say(op="subscribe", args=["tickers.BTCUSDT"], req_id="1")
    acknowledged, snapshot = await client.hear(), await client.hear()
    await step(world, 1_000 + 60_000)
    (delta,) = client.heard()

    assert (acknowledged["success"], acknowledged["req_id"]) == (True, "1")
    assert (snapshot["type"], delta["type"]) == ("snapshot", "delta")
    assert isinstance(snapshot["data"], dict)
    assert isinstance(delta["data"], dict)
    merged = {**snapshot["data"], **delta["data"]}
    assert merged["lastPrice"] == str(world.market.price("BTCUSDT", world.now)).rstrip("0").rstrip(".")  # type: ignore[arg-type]
    assert "highPrice24h" in snapshot["data"]
    assert len(delta["data"]) < len(snapshot["data"])


async def test_candles_that_close_are_told_before_the_tickers_sorted_by_symbol_and_interval(
    world: ShownMarket, client: Client
) -> None:
    await client.subscribe("tickers.BTCUSDT", "kline.60.ETHUSDT", "kline.15.ETHUSDT", "kline.60.BTCUSDT")

    await step(world, 1_000)

    at = MADE_FIRST + 40 * STEP_MS
    assert told(client.heard()) == [
        ("kline.60.BTCUSDT", at),
        ("kline.15.ETHUSDT", at),
        ("kline.60.ETHUSDT", at),
        ("tickers.BTCUSDT", at),
    ]


async def test_every_close_that_a_long_step_crosses_is_told_in_order(world: ShownMarket, client: Client) -> None:
    await client.subscribe("kline.15.BTCUSDT")

    await step(world, 3 * STEP_MS)

    frames = client.heard()
    assert [ts for _, ts in told(frames)] == [MADE_FIRST + k * STEP_MS for k in (40, 41, 42)]
    assert all(frame["data"][0]["confirm"] for frame in frames)  # type: ignore[index, call-overload]


async def test_a_candle_is_told_as_closed_once(world: ShownMarket, client: Client) -> None:
    await client.subscribe("kline.15.BTCUSDT")

    await step(world, 999)
    await step(world, 1)
    await step(world, 1)

    assert told(client.heard()) == [("kline.15.BTCUSDT", MADE_FIRST + 40 * STEP_MS)]


async def test_in_lockstep_a_ticker_is_told_at_every_step_changed_or_not(world: ShownMarket, client: Client) -> None:
    await client.subscribe("tickers.BTCUSDT")

    await step(world, 1_000)
    await step(world, 0)

    assert [frame["ts"] for frame in client.heard()] == [world.now, world.now]


async def test_a_newcomer_leaves_the_others_deltas_whole(world: ShownMarket, client: Client) -> None:
    await client.subscribe("tickers.BTCUSDT")
    world.now = Instant(NOW + 120_000)
    assert world.hub is not None
    late = Client(world.hub)
    await late.subscribe("tickers.BTCUSDT")

    (delta,) = client.heard()

    assert delta["type"] == "delta"
    await late.leave()


async def test_what_is_unsubscribed_is_told_no_more(world: ShownMarket, client: Client) -> None:
    await client.subscribe("kline.15.BTCUSDT", "tickers.BTCUSDT")
    client.say(op="unsubscribe", args=["kline.15.BTCUSDT"])
    await client.hear()

    await step(world, 1_000)

    assert told(client.heard()) == [("tickers.BTCUSDT", world.now)]


@pytest.mark.parametrize(
    "message",
    [
        {"op": "subscribe", "args": ["tickers.NOUSDT"]},
        {"op": "subscribe", "args": ["tickers.NEWUSDT"]},
        {"op": "subscribe", "args": ["kline.7.BTCUSDT"]},
        {"op": "subscribe", "args": []},
        {"op": ["subscribe"]},
        {"op": "dance"},
    ],
)
async def test_what_cannot_be_subscribed_is_refused_and_the_connection_stays(
    client: Client, message: dict[str, JsonValue]
) -> None:
    client.say(**message)
    assert (await client.hear())["success"] is False

    client.say(op="ping")
    assert (await client.hear())["success"] is True


class StoppedWatch(SystemClock):
    """Wall time that only a test moves."""

    def __init__(self) -> None:
        self.wall_ms = 0.0

    def monotonic_ms(self) -> float:
        return self.wall_ms


async def test_a_free_running_market_tells_tickers_and_forming_candles_when_it_is_their_turn(
    world: ShownMarket,
) -> None:
    watch = StoppedWatch()
    world.hub, world.speed, world.now = PublicHub(world, watch), Decimal(60), Instant(MADE_FIRST + STEP_MS)
    client = Client(world.hub)
    client.say(op="subscribe", args=["kline.15.BTCUSDT", "tickers.BTCUSDT"])
    await client.hear()
    await client.hear()

    heard: list[list[JsonValue]] = []
    for watch.wall_ms in (99.0, 100.0, 150.0, 1_000.0):
        world.advance(Instant(world.now + 30_000))
        await world.hub.drained()
        heard.append([topic for topic, _ in told(client.heard())])

    ticker, candle = "tickers.BTCUSDT", "kline.15.BTCUSDT"
    assert heard == [[], [ticker], [], [candle, ticker]]
    await client.leave()


@pytest.mark.parametrize(("looks_ms", "times"), [(30.0, 10), (120.0, 8), (250.0, 4)])
async def test_a_ticker_keeps_its_beat_however_coarse_the_looks_at_the_clock_are(
    world: ShownMarket, looks_ms: float, times: int
) -> None:
    watch = StoppedWatch()
    world.hub, world.speed, world.now = PublicHub(world, watch), Decimal(600), Instant(MADE_FIRST + STEP_MS)
    client = Client(world.hub)
    client.say(op="subscribe", args=["tickers.BTCUSDT"])
    await client.hear()
    await client.hear()

    count = 0
    while watch.wall_ms + looks_ms <= 1_020:
        watch.wall_ms += looks_ms
        world.advance(Instant(world.now + 60_000))
        await world.hub.drained()
        count += len(client.heard())

    assert count == times
    await client.leave()


async def test_a_market_that_comes_to_a_stand_tells_what_was_held_back_once(world: ShownMarket) -> None:
    watch = StoppedWatch()
    world.hub, world.speed, world.now = PublicHub(world, watch), Decimal(1), Instant(MADE_FIRST + STEP_MS)
    client = Client(world.hub)
    client.say(op="subscribe", args=["tickers.BTCUSDT"])
    await client.hear()
    await client.hear()
    world.advance(Instant(world.now + 30_000))

    heard: list[int] = []
    for watch.wall_ms in (99.0, 100.0, 200.0, 300.0):
        world.hub.moved(world.now, world.now)
        await world.hub.drained()
        heard.append(len(client.heard()))

    assert heard == [0, 1, 0, 0]
    await client.leave()


async def test_a_step_does_not_wait_for_ever_for_a_client_that_reads_nothing(
    world: ShownMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "PATIENCE_S", 0.05)
    assert world.hub is not None
    stuck = Client(world.hub)
    await stuck.subscribe("tickers.BTCUSDT")
    stuck.reading.clear()

    await step(world, 1_000)
    stuck.reading.set()
    await stuck.serving

    assert stuck.closed_with == 1008


async def test_the_end_of_the_market_is_logged(world: ShownMarket) -> None:
    assert world.market.end is not None
    with capture_logs() as logs:
        world.advance(world.market.end)

    assert [entry["event"] for entry in logs] == ["market.ended"]


async def test_a_client_that_is_too_far_behind_is_given_up(world: ShownMarket) -> None:
    outbox = Outbox(WebSocket({"type": "websocket"}, _never, _never_send), most=2)

    for frame in ("1", "2", "3"):
        outbox.put(frame)

    assert outbox.given_up.is_set()


async def _never() -> Message:
    raise AssertionError("nobody listens")


async def _never_send(_message: Message) -> None:
    raise AssertionError("nobody sends")
