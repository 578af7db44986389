"""What Prometheus reads of one process: one registry each, so that tests and tools may run several."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from libs.common.bus import StreamLag

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Counters of the deciding loop; a service registers its own metrics at `registry`."""

    def __init__(self, service: str) -> None:
        self.registry = CollectorRegistry()
        self._service = service
        self._handled = self._counter("messages_handled", "Messages handled and acknowledged.", "schema")
        self._decisions = self._counter("decisions", "Messages published in consequence.", "schema")
        self._dead = self._counter("dead_letters", "Messages that could not be handled.", "schema")
        self._seconds = Histogram(
            "ironkeel_message_seconds", "Time to handle one message.", ["service", "schema"], registry=self.registry
        )
        self._waiting = self._gauge("stream_waiting", "Entries never delivered to the group.", "stream")
        self._pending = self._gauge("stream_pending", "Entries delivered and not acknowledged.", "stream")
        self._ready = self._gauge("ready", "1 when the service can do its work.")
        self._in_flight = self._gauge("in_flight", "Effects begun and not ended.")
        self._market = self._gauge("market_ms", "Newest market time handled, in milliseconds.")

    def handled(self, schema: str, seconds: float) -> None:
        self._handled.labels(self._service, schema).inc()
        self._seconds.labels(self._service, schema).observe(seconds)

    def decided(self, schema: str) -> None:
        self._decisions.labels(self._service, schema).inc()

    def dead_lettered(self, schema: str) -> None:
        self._dead.labels(self._service, schema).inc()

    def lagging(self, lag: StreamLag) -> None:
        self._waiting.labels(self._service, lag.stream).set(lag.waiting)
        self._pending.labels(self._service, lag.stream).set(lag.pending)

    def state(self, *, ready: bool, in_flight: int, market_ms: int) -> None:
        self._ready.labels(self._service).set(ready)
        self._in_flight.labels(self._service).set(in_flight)
        self._market.labels(self._service).set(market_ms)

    def text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self.registry)

    def _counter(self, name: str, told: str, *labels: str) -> Counter:
        return Counter(f"ironkeel_{name}", told, ["service", *labels], registry=self.registry)

    def _gauge(self, name: str, told: str, *labels: str) -> Gauge:
        return Gauge(f"ironkeel_{name}", told, ["service", *labels], registry=self.registry)
