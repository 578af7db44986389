"""The executor's own figures for Prometheus."""

from collections.abc import Iterator, Mapping
from typing import Final, Protocol

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from libs.common.health import Health

BUCKETS_S: Final = (0.0005, 0.001, 0.002, 0.003, 0.004, 0.006, 0.008, 0.012, 0.016, 0.025, 0.04, 0.06, 0.1, 0.25, 1, 5)


class EntryTimes:
    """What an entry's time goes into, stage by stage, and how long after its signal the signed request leaves.

    `wait` is from the signal's publication until it is in hand: reading, decoding, and waiting for a free worker.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._stages = Histogram(
            "ironkeel_executor_entry_stage_seconds",
            "Time of one stage of an entry.",
            ["stage"],
            buckets=BUCKETS_S,
            registry=registry,
        )
        self._leaves = Histogram(
            "ironkeel_executor_signal_to_request_seconds",
            "From a signal's publication until its signed request leaves.",
            buckets=BUCKETS_S,
            registry=registry,
        )

    def stage(self, name: str, seconds: float) -> None:
        self._stages.labels(name).observe(seconds)

    def leaves(self, seconds: float) -> None:
        self._leaves.observe(seconds)


class Counted(Protocol):
    @property
    def counts(self) -> Mapping[str, int]: ...
    @property
    def health(self) -> Health: ...


class _Figures:
    def __init__(self, counted: Counted) -> None:
        self._counted = counted

    def collect(self) -> Iterator[Metric]:
        counts = CounterMetricFamily(
            "ironkeel_executor", "What the executor did, skipped and prevented.", labels=["what"]
        )
        for what, times in sorted(self._counted.counts.items()):
            counts.add_metric([what], times)
        yield counts
        naked = CounterMetricFamily(
            "ironkeel_executor_naked_seconds", "Wall seconds for which positions were seen without a live stop."
        )
        naked.add_metric([], self._counted.counts.get("naked_ms", 0) / 1_000)
        yield naked
        facts = GaugeMetricFamily(
            "ironkeel_executor_fact", "Sizes of the ledger, and naked milliseconds now.", labels=["fact"]
        )
        for fact, value in sorted(self._counted.health.facts.items()):
            facts.add_metric([fact], value)
        yield facts


def expose(counted: Counted, registry: CollectorRegistry) -> None:
    """Have a registry report the executor's figures."""
    registry.register(_Figures(counted))
