"""The executor's own figures for Prometheus."""

from collections.abc import Iterator, Mapping
from typing import Protocol

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from libs.common.health import Health


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
