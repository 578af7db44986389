"""How many recorded candles would be doubted, and how many invented bad prints: what the outlier rule costs and finds.

    python -m bench.candle_quality [<folder of panels>] [--prints 20] [--seed 1]

Every candle of every panel is judged by the ones before it in its series, without the other symbols' word, which can
only acquit. Then `prints` ordinary candles of each file, drawn by the seed, are given one bad price each way and size.
"""

import argparse
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Final

import numpy as np
import pandas as pd

from libs.common.exchange.market_types import Candle
from libs.common.units import Instant, Price, Qty, Symbol, Timeframe, Usd
from services.fetcher.core.outliers import FAR, LEAST, WINDOW, Crowd, Neighbours

SIZES: Final = (1.03, 1.05, 1.1, 1.2, 1.5, 2.0, 10.0)


def series(path: Path) -> Iterator[Candle]:
    """The candles of one file, oldest first."""
    symbol, _, timeframe = path.stem.rpartition("-")
    frame = pd.read_parquet(path)
    for row in frame.itertuples(index=False):
        yield candle(Symbol(symbol), Timeframe(timeframe), row)


def candle(symbol: Symbol, timeframe: Timeframe, row: Sequence[float]) -> Candle:
    """A row of a panel as the feed would tell it; panels have no turnover."""
    at, *numbers = row
    opened, high, low, close, volume = (Decimal(repr(float(number))) for number in numbers)
    prices = Price(opened), Price(high), Price(low), Price(close)
    return Candle(symbol, timeframe, Instant(int(at)), *prices, Qty(volume), Usd(Decimal(0)), None)


def far_off(frame: pd.DataFrame) -> np.ndarray:
    """Rows that the rule may doubt at all: nearly as far off as it asks for, whatever was traded."""
    before = frame["close"].shift(1).fillna(frame["open"])
    up = np.log(np.maximum(frame["high"], before) / before)
    down = np.log(before / np.minimum(frame["low"], before))
    usual = (up + down).rolling(WINDOW).mean().shift(1)
    off = np.maximum(up, down)
    return np.flatnonzero((off > 0.9 * LEAST) & (off > 0.9 * FAR * usual))


def judged(candles: Sequence[Candle]) -> str | None:
    """What is doubted about the last of these."""
    neighbours = Neighbours()
    for each in candles[:-1]:
        neighbours.note(each, neighbours.way(each))
    return neighbours.doubt(candles[-1], neighbours.way(candles[-1]), Crowd())


def doubted(path: Path) -> tuple[int, int, list[str]]:
    """How many candles a file has, how many are far off, and what is said of those that are doubted."""
    frame = pd.read_parquet(path)
    symbol, _, name = path.stem.rpartition("-")
    suspects, said = far_off(frame), []
    for at in suspects:
        rows = frame.iloc[max(0, at - WINDOW - 1) : at + 1].itertuples(index=False)
        text = judged([candle(Symbol(symbol), Timeframe(name), row) for row in rows])
        said += [f"{path.parent.name} {path.stem} {frame['ts'].iloc[at]}: {text}"] if text else []
    return len(frame), len(suspects), said


def bad_print(real: Candle, size: float, *, is_high: bool) -> Candle:
    """The candle with its highest or lowest price wrong by a factor."""
    factor = Decimal(str(size))
    if is_high:
        return real._replace(high=Price(real.high * factor))
    return real._replace(low=Price(real.low / factor))


def found(paths: Sequence[Path], size: float, prints: int, dice: Random) -> tuple[int, int]:
    """How many bad prints of a size were doubted, of how many."""
    hits = asked = 0
    for path in paths:
        frame = pd.read_parquet(path)
        symbol, _, name = path.stem.rpartition("-")
        for _ in range(prints):
            at = dice.randrange(WINDOW + 1, len(frame))
            rows = frame.iloc[at - WINDOW - 1 : at + 1].itertuples(index=False)
            *before, real = (candle(Symbol(symbol), Timeframe(name), row) for row in rows)
            hits += judged([*before, bad_print(real, size, is_high=bool(dice.getrandbits(1)))]) is not None
            asked += 1
    return hits, asked


def panel_files(folder: Path) -> list[Path]:
    """Every file of candles in the panels of a folder."""
    return sorted(path for path in folder.glob("*/*USDT-*.parquet") if path.stem.rpartition("-")[2] in list(Timeframe))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--prints", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    if asked.folder is None:
        print("nothing to judge: name a folder of recorded panels")
        return
    paths = panel_files(asked.folder)
    counts = [doubted(path) for path in paths]
    total, far, said = (
        sum(each[0] for each in counts),
        sum(each[1] for each in counts),
        [t for c in counts for t in c[2]],
    )
    print(f"{total:,} candles in {len(paths)} files, {far:,} nearly far off or more, {len(said)} doubted")
    print(*said, sep="\n", end="\n" if said else "")
    for size in SIZES:
        hits, prints = found(paths, size, asked.prints, Random(f"{asked.seed} {size}"))
        print(f"a print wrong by x{size:g}: {hits / prints:.0%} of {prints} doubted")


if __name__ == "__main__":
    main()
