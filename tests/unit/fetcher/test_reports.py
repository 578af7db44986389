"""What operators and Prometheus are told of series that are late and candles that were kept back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from structlog.testing import capture_logs

from libs.common.clock import VirtualClock
from libs.common.health import Health
from libs.common.units import Instant, Symbol, Timeframe
from services.fetcher.adapters.reports import NAMED, Reports
from services.fetcher.core.catch_up import Key
from services.fetcher.core.freshness import Stale
from services.fetcher.core.progress import Progress
from tests.support.venue_candles import BTC, MORNING

ETH = Symbol("ETHUSDT")
M15 = Timeframe.M15


@dataclass
class Told:
    """A fetcher's state as a test says it is."""

    share: frozenset[Symbol] = frozenset({BTC, ETH})
    loading: frozenset[Symbol] = frozenset()
    late: list[Stale] = field(default_factory=list)
    blocking: list[Stale] = field(default_factory=list)
    quarantined: int = 2
    counts: Mapping[str, int] = field(default_factory=lambda: {"impossible": 3, "given_up": 1})

    def progress(self, wall: Instant) -> Progress:
        return Progress("series", 2, 1, 1_000)

    def stale(self, wall: Instant) -> Sequence[Stale]:
        return self.late

    def in_the_way(self, wall: Instant) -> Sequence[Stale]:
        return self.blocking

    def lateness(self, wall: Instant) -> Mapping[Key, int]:
        return {(BTC, M15): 1_500, (ETH, M15): 0}


class World:
    def __init__(self) -> None:
        self.fetcher, self.health = Told(), Health("fetcher")
        self.reports = Reports(self.fetcher, self.health, VirtualClock())

    def looks(self) -> None:
        self.reports.look(self.fetcher.share)


def stale(symbol: Symbol = BTC) -> Stale:
    return Stale((symbol, M15), 45_000, MORNING)


def test_history_that_is_loading_is_told_until_it_is_in_redis_and_in_the_files() -> None:
    world = World()
    world.fetcher.loading = frozenset({BTC})
    world.looks()
    assert world.health.waiting_for == {"history": "50 %, 1.0 series/s, 1 s left"}
    world.fetcher.loading = frozenset()
    world.reports.look(frozenset({BTC}))
    assert not world.health.ready
    world.looks()
    assert world.health.ready


def test_a_stale_series_that_is_in_nobodys_way_is_a_note_with_symbol_timeframe_and_age() -> None:
    world = World()
    world.fetcher.late = [stale()]
    world.looks()
    assert world.health.ready
    assert world.health.notes == {
        "stale candles": "BTCUSDT 15m is 45 s late, its newest candle closed 2025-09-15T00:00:00Z"
    }
    assert world.health.facts == {"symbols": 2, "quarantined": 2, "stale": 1}
    world.fetcher.late = []
    world.looks()
    assert world.health.notes == {}
    assert world.health.facts["stale"] == 0


def test_a_stale_series_that_is_in_the_way_makes_the_fetcher_unready_until_it_is_fresh() -> None:
    world = World()
    world.fetcher.late, world.fetcher.blocking = [stale(ETH), stale()], [stale()]
    world.looks()
    assert world.health.waiting_for["stale candles"].startswith("BTCUSDT 15m is 45 s late")
    assert "ETHUSDT" in world.health.notes["stale candles"]
    world.fetcher.late, world.fetcher.blocking = [], []
    world.looks()
    assert world.health.ready


def test_only_so_many_stale_series_are_named() -> None:
    world = World()
    world.fetcher.late = [stale(Symbol(f"S{n}USDT")) for n in range(NAMED + 7)]
    world.looks()
    assert world.health.notes["stale candles"].count(" is 45 s late") == NAMED
    assert world.health.notes["stale candles"].endswith("; 7 more")


def test_a_series_that_becomes_stale_is_logged_once() -> None:
    world = World()
    with capture_logs() as logs:
        for series in ([stale()], [stale()], [], [stale()]):
            world.fetcher.late = series
            world.looks()
    assert [(row["event"], row["symbol"]) for row in logs] == [("series.stale", BTC)] * 2


def test_prometheus_is_told_how_late_each_series_is_and_what_was_kept_back() -> None:
    text = World().health.metrics.text().decode()
    assert 'ironkeel_fetcher_series_late_seconds{symbol="BTCUSDT",timeframe="15m"} 1.5' in text
    assert 'ironkeel_fetcher_series_late_seconds{symbol="ETHUSDT",timeframe="15m"} 0.0' in text
    assert 'ironkeel_fetcher_candles_total{what="impossible"} 3.0' in text
    assert 'ironkeel_fetcher_candles_total{what="given_up"} 1.0' in text
    assert "ironkeel_fetcher_candles_in_quarantine 2.0" in text
