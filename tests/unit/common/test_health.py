from fastapi.testclient import TestClient

from libs.common.bus.memory import MemoryBus
from libs.common.health import Health, health_app
from libs.common.units import Instant
from tests.support.builders import price, signal
from tests.support.waiting import take


def test_a_service_is_not_ready_until_it_waits_for_nothing() -> None:
    health = Health("predictor")
    client = TestClient(health_app(health))
    assert client.get("/health/ready").status_code == 503
    health.wait_for("training 15m", "40 %")
    told = client.get("/health/ready")
    assert (told.status_code, told.json()) == (503, {"ready": False, "why": {"training 15m": "40 %"}})
    health.done_with("training 15m")
    told = client.get("/health/ready")
    assert (told.status_code, told.json()) == (200, {"ready": True, "why": {}})


def test_a_living_process_says_who_it_is() -> None:
    client = TestClient(health_app(Health("fetcher", instance="fetcher-2")))
    assert client.get("/health/live").json() == {"live": True, "service": "fetcher", "instance": "fetcher-2"}


def test_a_note_is_told_and_keeps_nobody_from_being_ready() -> None:
    health = Health("fetcher")
    health.done_with("starting")
    health.notes["stale candles"] = "BTCUSDT 15m"
    told = TestClient(health_app(health)).get("/health/ready")
    assert (told.status_code, told.json()["notes"]) == (200, {"stale candles": "BTCUSDT 15m"})


async def test_progress_tells_lag_cursors_and_facts() -> None:
    bus = MemoryBus(signal(n=0), signal(n=1), price(), service="executor")
    health = Health("executor", market_ms=Instant(5), in_flight=1, facts={"executions": 3})
    health.done_with("starting")
    health.watch(bus, ["signal", "price"])
    for delivery in await take(bus.read(["signal", "price"]), 2):
        if delivery.stream == "price":
            await bus.ack(delivery)
    told = TestClient(health_app(health)).get("/health/progress").json()
    assert told == {
        "service": "executor",
        "instance": "executor",
        "ready": True,
        "market_ms": 5,
        "in_flight": 1,
        "cursors": {"price": bus.cursors()["price"]},
        "lag": {"signal": {"waiting": 1, "pending": 1}},
        "facts": {"executions": 3},
    }


async def test_metrics_count_what_was_handled_and_what_waits() -> None:
    health = Health("executor")
    health.watch(MemoryBus(signal(), service="executor"), ["signal"])
    health.metrics.handled("signal.made.v1", 0.01)
    text = TestClient(health_app(health)).get("/metrics").text
    assert 'ironkeel_messages_handled_total{schema="signal.made.v1",service="executor"} 1.0' in text
    assert 'ironkeel_stream_waiting{service="executor",stream="signal"} 1.0' in text
    assert 'ironkeel_ready{service="executor"} 0.0' in text


async def test_figures_are_brought_up_to_date_when_somebody_asks() -> None:
    health = Health("executor")

    def look() -> None:
        health.in_flight += 1

    health.look = look
    client = TestClient(health_app(health))
    assert client.get("/health/progress").json()["in_flight"] == 1
    assert 'ironkeel_in_flight{service="executor"} 2.0' in client.get("/metrics").text
