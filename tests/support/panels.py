"""Small recorded markets, made on the spot: the Parquet layout of a panel, with nothing real in it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from libs.common.units import HOUR_MS, MINUTE_MS, Instant

MADE_FIRST = Instant(1_757_894_400_000)  # 2025-09-15T00:00:00Z, a Monday
STEP_MS = 15 * MINUTE_MS


@dataclass(frozen=True, slots=True)
class MadePanel:
    directory: Path
    symbols: tuple[str, ...]
    first: Instant
    last: Instant  # where the newest candle closes


def write_candles(
    path: Path, first: int, interval_ms: int, rows: list[tuple[float, float, float, float, float]]
) -> None:
    """Write rows (open, high, low, close, volume) that follow each other from `first`."""
    columns = [pa.array(column, pa.float64()) for column in zip(*rows, strict=True)]
    times = pa.array([first + k * interval_ms for k in range(len(rows))], pa.int64())
    table = pa.table([times, *columns], names=["ts", "open", "high", "low", "close", "volume"])
    pq.write_table(table, path)


def write_funding(path: Path, rows: list[tuple[int, float]]) -> None:
    times, rates = zip(*rows, strict=True)
    pq.write_table(pa.table({"ts": pa.array(times, pa.int64()), "funding_rate": pa.array(rates, pa.float64())}), path)


def random_walk(
    seed: int, count: int, price: float, tick_decimals: int
) -> list[tuple[float, float, float, float, float]]:
    """Candles of a driftless walk with steps of about half a per cent, on a tick of 10^-tick_decimals."""
    rng = np.random.default_rng(seed)
    close = price * np.exp(np.cumsum(rng.normal(0, 0.005, count)))
    open_ = np.concatenate(([price], close[:-1]))
    high = np.maximum(open_, close) * (1 + rng.exponential(0.002, count))
    low = np.minimum(open_, close) * (1 - rng.exponential(0.002, count))
    volume = rng.integers(1, 50_000, count) / 10
    table = np.round(np.stack((open_, high, low, close)), tick_decimals)
    return [(o, h, lo, c, v) for o, h, lo, c, v in zip(*table.tolist(), volume.tolist(), strict=True)]


def make_panel(directory: Path, *, days: int = 4) -> MadePanel:
    """Four symbols of 15m candles: one lists a day late, one has recorded funding every four hours."""
    directory.mkdir(parents=True, exist_ok=True)
    count = days * 96
    for seed, (symbol, price, decimals, late) in enumerate(
        (("BTCUSDT", 60_000.0, 1, 0), ("ETHUSDT", 2_500.0, 2, 0), ("SOLUSDT", 150.0, 2, 0), ("NEWUSDT", 0.03, 5, 96))
    ):
        rows = random_walk(seed, count - late, price, decimals)
        write_candles(directory / f"{symbol}-15m.parquet", MADE_FIRST + late * STEP_MS, STEP_MS, rows)
    settlements = [(MADE_FIRST + k * 4 * HOUR_MS, 0.0001 * (k % 3 - 1)) for k in range(1, days * 6)]
    write_funding(directory / "SOLUSDT-funding.parquet", settlements)
    symbols = ("BTCUSDT", "ETHUSDT", "NEWUSDT", "SOLUSDT")
    return MadePanel(directory, symbols, MADE_FIRST, Instant(MADE_FIRST + count * STEP_MS))


@pytest.fixture
def made_panel(tmp_path: Path) -> MadePanel:
    return make_panel(tmp_path / "panel")


def real_panel(name: str) -> Path:
    """Where panel `name` is, beside the project or above it; it may not be there at all."""
    above = Path(__file__).resolve().parents[2:]
    found = (folder / "shared" / "data" / name for folder in above)
    return next((path for path in found if path.is_dir()), above[1] / "shared" / "data" / name)
