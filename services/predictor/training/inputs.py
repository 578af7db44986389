"""Where the bars of a training come from: the stored series for the first, Parquet for a full one."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from libs.common.bus import Bus
from libs.common.errors import Refused
from libs.common.units import Instant, Symbol, Timeframe
from services.predictor.adapters.candle_files import read_bars, symbols_in
from services.predictor.core.features import FloatArray
from services.predictor.core.series import bars_of

Bars = Mapping[Timeframe, Sequence[FloatArray]]


async def from_series(bus: Bus, symbols: Sequence[Symbol], timeframes: Sequence[Timeframe], *, newest: int) -> Bars:
    """The newest stored bars of every series, symbols in the order given."""
    return {
        timeframe: [bars_of(await bus.series(symbol, timeframe, newest=newest)) for symbol in symbols]
        for timeframe in timeframes
    }


def from_files(folder: Path, timeframes: Sequence[Timeframe]) -> tuple[Bars, Sequence[Symbol]]:
    """Every series in `folder`, and the symbols there are; raises Refused when a timeframe has none."""
    found = {timeframe: symbols_in(folder, timeframe) for timeframe in timeframes}
    empty = [timeframe for timeframe, symbols in found.items() if not symbols]
    if empty:
        raise Refused(
            f"no candles of {', '.join(empty)} in {folder}: let `ironkeel up` fetch some first, "
            "or name a folder with --candles"
        )
    bars = {t: [read_bars(folder, symbol, t) for symbol in symbols] for t, symbols in found.items()}
    return bars, sorted({symbol for symbols in found.values() for symbol in symbols})


def newest_close(bars: Bars) -> Instant:
    """The newest close of all bars: the market's now as far as they know; 0 without any."""
    closes = [int(series[-1, 0]) + timeframe.ms for timeframe, every in bars.items() for series in every if len(series)]
    return Instant(max(closes, default=0))
