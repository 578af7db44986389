"""Train the models of a home in a process of its own: `--first` from Redis, `--full` from Parquet.

Prints plain lines of progress. Exit code 0 done, 1 the data does not allow it, 2 wrong usage or settings.
"""

import argparse
import asyncio
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from libs.common.bus.redis_streams import RedisBus
from libs.common.clock import SystemClock, iso
from libs.common.errors import Misconfigured, Refused, Transient
from libs.common.units import Instant, Symbol, Timeframe
from services.predictor.adapters.model_store import Manifest, ModelStore, Part, digest_of, version_of
from services.predictor.core.feature_table import NAMES
from services.predictor.settings import PredictorSettings
from services.predictor.training.inputs import Bars, from_files, from_series, newest_close
from services.predictor.training.progress import Progress
from services.predictor.training.samples import samples_of
from services.predictor.training.train import PARAMETERS, fit

FULL_ROUNDS: Final = 300


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def arguments(given: Sequence[str]) -> argparse.Namespace:
    """Read the command line; argparse itself exits with 2 and a sentence when it is wrong."""
    parser = argparse.ArgumentParser(prog="python -m services.predictor.training.main", description=__doc__)
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--first", action="store_true", help="newest bars of the stored series, few rounds")
    kind.add_argument("--full", action="store_true", help="every candle in Parquet (the default)")
    parser.add_argument("--home", type=Path, help="home of the system; by default service.home")
    parser.add_argument("--symbols", type=lambda text: text.split(","), default=[], help="--first: BTCUSDT,ETHUSDT,…")
    parser.add_argument("--until", type=int, help="market ms: no candle that closes later is used")
    parser.add_argument("--candles", type=Path, help="--full: folder of <SYMBOL>-<tf>.parquet files")
    parser.add_argument("--rounds", type=int, help="boosting rounds")
    return parser.parse_args(given)


async def train(given: argparse.Namespace) -> Manifest:
    """Read the bars, fit every timeframe, store the version and make it the current one."""
    settings = PredictorSettings.load()
    home = given.home or settings.service.home
    bars, symbols = await inputs(given, settings, home)
    until = Instant(given.until) if given.until is not None else newest_close(bars)
    rounds = given.rounds or (settings.predictor.first_rounds if given.first else FULL_ROUNDS)
    manifest = fit_all(ModelStore(home), bars, symbols, until=until, rounds=rounds)
    say(f"trained {manifest.version} on {len(symbols)} symbols up to {iso(until)}")
    return manifest


async def inputs(given: argparse.Namespace, settings: PredictorSettings, home: Path) -> tuple[Bars, Sequence[Symbol]]:
    if not given.first:
        return from_files(given.candles or home / "candles" / "live", settings.timeframes)
    clock, url = SystemClock(), settings.redis.url.get_secret_value()
    async with RedisBus.connect(
        url, prefix=settings.redis.prefix, service="predictor", instance="training", cursors=None, clock=clock
    ) as bus:
        symbols = [Symbol(symbol) for symbol in sorted(given.symbols)]
        newest = settings.predictor.first_bars
        return await from_series(bus, symbols, settings.timeframes, newest=newest), symbols


def fit_all(store: ModelStore, bars: Bars, symbols: Sequence[Symbol], *, until: Instant, rounds: int) -> Manifest:
    """Fit one model a timeframe; raises Refused when a timeframe has too little to learn from."""
    parts, models, metrics = {}, {}, {}
    for timeframe, series in bars.items():
        samples = samples_of(series, timeframe, until=until)
        trained = fit(samples, timeframe, rounds=rounds, tell=Progress(timeframe, clock=SystemClock(), say=say).tell)
        models[timeframe], metrics[str(timeframe)] = trained.model, trained.metrics
        file = f"{timeframe}.ubj"
        parts[timeframe] = Part(
            file=file, digest=digest_of(trained.model), data=trained.digest, temperature=trained.temperature
        )
        say(summary(timeframe, trained.metrics))
    version = version_of({timeframe: part.data for timeframe, part in parts.items()}, PARAMETERS, rounds)
    manifest = Manifest(
        version=version,
        features=NAMES,
        parts=parts,
        parameters=PARAMETERS,
        rounds=rounds,
        symbols=tuple(symbols),
        trained_until=until,
    )
    store.save(manifest, models, metrics)
    return manifest


def summary(timeframe: Timeframe, metrics: Mapping[str, float | int]) -> str:
    """What a person wants to know of a fit, in one line."""
    return (
        f"{timeframe} trained: {metrics['samples']} samples, log-loss {metrics['log_loss']:.4f} against "
        f"{metrics['prior_log_loss']:.4f} of the class shares ({metrics['skill']:+.2%}), "
        f"calibration error {metrics['calibration_error']:.3f}"
    )


def main(given: Sequence[str]) -> int:
    """Run a training; returns the exit code."""
    try:
        asyncio.run(train(arguments(given)))
    except Misconfigured as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except (Refused, Transient) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
