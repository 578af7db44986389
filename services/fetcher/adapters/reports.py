"""What a fetcher says of itself: history that is loading, series that are stale, candles that were kept back."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Final, Protocol

import structlog
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from libs.common.clock import Clock, iso
from libs.common.health import Health
from libs.common.units import SECOND_MS, Instant, Symbol
from services.fetcher.core.catch_up import Key
from services.fetcher.core.freshness import Stale
from services.fetcher.core.progress import Progress

log = structlog.get_logger()

NAMED: Final = 10  # stale series that are told one by one


class Reporting(Protocol):
    """What is told of the fetcher's state; see services.fetcher.service."""

    share: frozenset[Symbol]

    @property
    def loading(self) -> frozenset[Symbol]: ...
    @property
    def counts(self) -> Mapping[str, int]: ...
    @property
    def quarantined(self) -> int: ...
    def progress(self, wall: Instant) -> Progress: ...
    def stale(self, wall: Instant) -> Sequence[Stale]: ...
    def in_the_way(self, wall: Instant) -> Sequence[Stale]: ...
    def lateness(self, wall: Instant) -> Mapping[Key, int]: ...


class Reports:
    """Keeps /health/ready, /health/progress, /metrics and the log up with the fetcher."""

    def __init__(self, fetcher: Reporting, health: Health, clock: Clock) -> None:
        self._fetcher, self._health, self._clock = fetcher, health, clock
        self._stale: frozenset[Key] = frozenset()
        health.metrics.registry.register(self)

    def look(self, told: frozenset[Symbol]) -> None:
        """Call it about every second; `told`: the symbols whose history is in Redis and in the files."""
        self._history(told)
        self._freshness()
        self._health.facts |= {"symbols": len(self._fetcher.share), "quarantined": self._fetcher.quarantined}

    def _history(self, told: frozenset[Symbol]) -> None:
        if self._fetcher.loading:
            progress = str(self._fetcher.progress(self._clock.now()))
            log.info("history.loading", progress=progress)
            self._health.wait_for("history", progress)
        elif self._fetcher.share <= told:
            self._health.done_with("history")

    def _freshness(self) -> None:
        stale, blocking = self._fetcher.stale(self._clock.now()), self._fetcher.in_the_way(self._clock.now())
        for each in stale:
            if each.key not in self._stale:
                log.error("series.stale", symbol=each.key[0], timeframe=each.key[1], newest_closed=iso(each.closed))
        self._stale = frozenset(each.key for each in stale)
        if blocking:
            self._health.wait_for("stale candles", _listed(blocking))
        else:
            self._health.done_with("stale candles")
        self._health.notes.pop("stale candles", None)
        if stale:
            self._health.notes["stale candles"] = _listed(stale)
        self._health.facts["stale"] = len(stale)

    def collect(self) -> Iterator[Metric]:
        """Yield what Prometheus is told; a series is there for as long as this fetcher has its symbol."""
        candles = CounterMetricFamily(
            "ironkeel_fetcher_candles", "Candles kept back (by kind), confirmed, and given up.", labels=["what"]
        )
        for what, times in sorted(self._fetcher.counts.items()):
            candles.add_metric([what], times)
        yield candles
        late = GaugeMetricFamily(
            "ironkeel_fetcher_series_late_seconds",
            "Wall seconds that a series has waited for a candle that has closed.",
            labels=["symbol", "timeframe"],
        )
        for (symbol, timeframe), late_ms in sorted(self._fetcher.lateness(self._clock.now()).items()):
            late.add_metric([symbol, timeframe], late_ms / SECOND_MS)
        yield late
        held = GaugeMetricFamily("ironkeel_fetcher_candles_in_quarantine", "Candles that are kept back now.")
        held.add_metric([], self._fetcher.quarantined)
        yield held


def _listed(stale: Sequence[Stale]) -> str:
    named = (
        f"{symbol} {timeframe} is {each.late_ms // SECOND_MS} s late, its newest candle closed {iso(each.closed)}"
        for each in islice(stale, NAMED)
        for symbol, timeframe in [each.key]
    )
    return "; ".join([*named, *([f"{len(stale) - NAMED} more"] if len(stale) > NAMED else [])])
