"""Panels to measure: recorded ones from Parquet files, and the invented market's own."""

from pathlib import Path

import numpy as np
import pandas as pd

from bench.synthetic.statistics import DAY_MINUTES, Floats, Panel
from libs.common.units import DAY_MS, HOUR_MS, Instant
from services.paper_exchange.adapters.markets.synthetic import GENESIS, synthetic_market
from services.paper_exchange.core.invented.climate import CommonDay, GroupDay, next_common, next_group
from services.paper_exchange.core.invented.troupe import GROUP_SIZE, cast_of, roles
from services.paper_exchange.core.invented.weaving import shared_bars, weave

_EPOCH_WEEKDAY = 3  # 1970-01-01 was a Thursday
_WARM_UP = 100  # days of an invented world that nobody looks at


def recorded(folder: Path, timeframe: str) -> Panel:
    """The symbols of `folder` whose files are the longest, from the first midnight to the last."""
    tables = [pd.read_parquet(path) for path in sorted(folder.glob(f"*-{timeframe}.parquet"))]
    if not tables:
        raise FileNotFoundError(f"{folder}/*-{timeframe}.parquet")
    longest = max(len(table) for table in tables)
    whole = [table for table in tables if len(table) == longest]
    times = whole[0]["ts"].to_numpy()
    step = int(times[1] - times[0])
    first = -(-int(times[0]) // DAY_MS) * DAY_MS
    begin = (first - int(times[0])) // step
    end = begin + (longest - begin) // (DAY_MS // step) * (DAY_MS // step)

    def column(name: str) -> Floats:
        return np.array([table[name].to_numpy(dtype=np.float64)[begin:end] for table in whole])

    closes = column("close")
    weekday = (first // DAY_MS + _EPOCH_WEEKDAY) % 7
    prices = (column("open"), column("high"), column("low"), closes)
    return Panel(step // 60_000, weekday, *prices, column("volume") * closes)


def invented(seed: int, symbols: int, days: int, minutes: int) -> Panel:
    """The first `symbols` <= 50 of the market of `seed`, as its core makes them."""
    cast = cast_of(seed, 0, roles(GROUP_SIZE))
    common: CommonDay | None = None
    group: GroupDay | None = None
    opened, told = cast.anchor, []
    for number in range(_WARM_UP + days):
        common = next_common(seed, number, common)
        group = next_group(seed, number, cast, common, group)
        if number >= _WARM_UP:
            day = weave(seed, number, cast, shared_bars(seed, number, common), group, opened)
            columns = (day.open, day.high, day.low, day.close, day.turnover)
            told.append([column[:symbols] for column in columns])
        opened = group.close
    weekday = (GENESIS // DAY_MS + _WARM_UP + _EPOCH_WEEKDAY) % 7
    return Panel(5, weekday, *(np.concatenate(parts, axis=1) for parts in zip(*told, strict=True))).every(minutes)


def recorded_funding(folder: Path) -> tuple[Floats, Floats]:
    """Rates and prices, both (n, settlements), where all symbols of `folder` settle together."""
    rates, closes = {}, {}
    for path in sorted(folder.glob("*-funding.parquet")):
        symbol = path.name.split("-")[0]
        rates[symbol] = pd.read_parquet(path).set_index("ts")["funding_rate"]
        closes[symbol] = pd.read_parquet(folder / f"{symbol}-1h.parquet").set_index("ts")["close"]
    if not rates:
        raise FileNotFoundError(f"{folder}/*-funding.parquet")
    both = pd.DataFrame(rates).dropna().iloc[1:]
    price = pd.DataFrame(closes).reindex(both.index - HOUR_MS)  # the hour that ends with the settlement
    return both.to_numpy().T, price.to_numpy().T


def invented_funding(seed: int, symbols: int, days: int) -> tuple[Floats, Floats]:
    market = synthetic_market(seed=seed, symbols=symbols, start=None, end=None)
    names = [instrument.symbol for instrument in market.instruments]
    begin = Instant(GENESIS + _WARM_UP * DAY_MS)
    settled = market.settlements(begin, Instant(begin + days * DAY_MS))
    times = sorted({each.at for each in settled})
    rates = np.array([float(each.rate) for each in settled]).reshape(len(times), len(names)).T
    prices = [[float(market.price(name, at) or 0) for at in times] for name in names]
    return rates, np.array(prices)


def days_of(panel: Panel) -> int:
    candles: int = panel.close.shape[1]
    return candles * panel.minutes // DAY_MINUTES
