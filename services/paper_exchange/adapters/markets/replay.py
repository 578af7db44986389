"""A market made of recorded candles: `<SYMBOL>-<timeframe>.parquet` and `<SYMBOL>-funding.parquet` in one folder.

Any mix of timeframes: the finest candles drive a symbol wherever they are, coarser ones where there are no finer (see
core/market/splice.py). A symbol is listed with its first candle and delisted with its last, if others go on. Where no
funding is recorded, the base rate settles every eight hours.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import structlog

from libs.common.candle_days import series_parts
from libs.common.candle_panel import FUNDING_KIND, UNREADABLE, in_order, panel_file, read_whole
from libs.common.clock import iso
from libs.common.errors import Misconfigured
from libs.common.units import HOUR_MS, Instant, Symbol, Timeframe
from services.paper_exchange.core.market.board import Board
from services.paper_exchange.core.market.columns import Ints, columns_of
from services.paper_exchange.core.market.facts import contract
from services.paper_exchange.core.market.grain import Floats, in_ticks, price_tick, volume_quantum
from services.paper_exchange.core.market.listing import Listing
from services.paper_exchange.core.market.path import Path as PricePath
from services.paper_exchange.core.market.schedule import FUNDING_INTERVAL_MS, Schedule
from services.paper_exchange.core.market.span import choose
from services.paper_exchange.core.market.splice import Recording, splice
from services.paper_exchange.core.market.tape import Scale
from services.paper_exchange.core.market.told import told_volumes
from services.paper_exchange.core.market.trail import Beat

log = structlog.get_logger()

_CANDLES: Final = re.compile(r"([A-Z0-9]{1,20})-(1m|5m|15m|30m|1h)\.parquet")
_LATEST_MS: Final = 4_102_444_800_000  # 2100-01-01: what is later is in other units
_PRICES: Final = ("open", "high", "low", "close")
_LAYOUT: Final = "<SYMBOL>-<1m|5m|15m|30m|1h>.parquet with columns ts (int64 ms), open, high, low, close, volume"


def replay_market(
    directory: Path,
    *,
    symbols: Sequence[str] | str,
    start: Instant | None,
    end: Instant | None,
    beat: Beat = Beat.CANDLE,
) -> Board:
    """Read the panel in `directory`; `symbols` is a list, or `top:N` by turnover before the start.

    Raises Misconfigured naming the path or the key, and what is allowed.
    """
    files = _files(directory)
    listings = [_listing(directory, name, files[name], beat) for name in _wanted(files, symbols)]
    first = min(listing.path.first for listing in listings)
    last = max(listing.path.end for listing in listings)
    span = choose(first, last, start, end)
    chosen = _top(listings, symbols, span.start)
    schedules = {each.symbol: Schedule(each.path.first, _read_funding(directory, each.symbol)) for each in chosen}
    log.info("replay.opened", path=str(directory), symbols=len(chosen), start=iso(span.start), end=iso(span.end))
    return Board(chosen, schedules, start=span.start, end=span.end)


def _files(directory: Path) -> Mapping[str, Sequence[Timeframe]]:
    if not directory.is_dir():
        raise Misconfigured(f"paper.market = replay:{directory}: no such folder; it must hold {_LAYOUT}")
    found: dict[str, list[Timeframe]] = {}
    for path in sorted(directory.iterdir()):
        if match := _CANDLES.fullmatch(path.name):
            found.setdefault(match[1], []).append(Timeframe(match[2]))
    if not found:
        raise Misconfigured(f"paper.market = replay:{directory}: no candles in it; it must hold {_LAYOUT}")
    return found


def _wanted(files: Mapping[str, Sequence[Timeframe]], symbols: Sequence[str] | str) -> Sequence[str]:
    if isinstance(symbols, str):
        return tuple(files)
    if unknown := sorted(set(symbols) - set(files)):
        raise Misconfigured(f"market.symbols: {', '.join(unknown)} not in the panel, which has {', '.join(files)}")
    return tuple(dict.fromkeys(symbols))


def _top(listings: Sequence[Listing], symbols: Sequence[str] | str, start: Instant) -> Sequence[Listing]:
    if not isinstance(symbols, str):
        return listings
    ranked = sorted(listings, key=lambda each: (-_turnover(each, start), each.symbol))
    return ranked[: int(symbols.removeprefix("top:"))]


def _turnover(listing: Listing, until: Instant) -> Decimal:
    """USDT traded before `until`; of a panel that starts there, everything."""
    whole = 0
    for tape in listing.path.tapes:
        count = max(0, min(tape.count or 0, (until - tape.first) // tape.interval_ms))
        whole += int(tape.read(0, count).turnover.sum(dtype=object) or 0)
    return listing.scale.turnover(whole)


def _listing(directory: Path, symbol: str, timeframes: Sequence[Timeframe], beat: Beat) -> Listing:
    files = [(each, _read_candles(directory, Symbol(symbol), each)) for each in timeframes]
    every_price = np.concatenate([prices.ravel() for _, (_, prices, _) in files])
    tick = price_tick(every_price)
    if tick is None:
        names = ", ".join(str(panel_file(directory, symbol, each)) for each in timeframes)
        raise Misconfigured(f"{names}: prices are not multiples of any tick")
    scale = Scale(tick, volume_quantum(np.concatenate([volumes for _, (_, _, volumes) in files])))
    recordings = {each.ms: _recording(each.ms, *columns, scale) for each, columns in files}
    told = {
        each.ms: told_volumes(opens, volumes, recordings[each.ms].columns.volume, scale.quantum)
        for each, (opens, _, volumes) in files
    }
    tapes = splice(recordings.values())
    instrument = contract(
        Symbol(symbol),
        tick=tick,
        price=scale.price(int(tapes[0].columns.open[0])),
        launched=tapes[0].first,
        funding_interval_ms=_funding_interval(_read_funding(directory, symbol)),
    )
    return Listing(instrument, PricePath(tapes, beat, symbol), scale, told)


def _recording(interval_ms: int, opens: Ints, prices: Floats, volumes: Floats, scale: Scale) -> Recording:
    open_, high, low, close = in_ticks(prices, scale.tick)
    return Recording(interval_ms, opens, columns_of(open_, high, low, close, in_ticks(volumes, scale.quantum)))


def _read_candles(directory: Path, symbol: Symbol, timeframe: Timeframe) -> tuple[Ints, Floats, Floats]:
    """Opening times (n,), prices (4, n) and volumes (n,) of a series, which can be a market's."""
    path = panel_file(directory, symbol, timeframe)
    table = _columns(path, lambda: _joined(directory, symbol, timeframe), ("ts", *_PRICES, "volume"))
    opens, prices, volumes = table["ts"].astype(np.int64), np.stack([table[name] for name in _PRICES]), table["volume"]
    _check(path, opens, prices, volumes, timeframe.ms)
    return opens, prices, volumes


def _joined(directory: Path, symbol: Symbol, timeframe: Timeframe) -> pa.Table:
    """The file as it is; of a panel that grows, with the days that are not merged into it yet."""
    parts = series_parts(directory, (symbol, timeframe))
    return parts[0] if len(parts) == 1 else in_order(parts)


def _columns(path: Path, read: Callable[[], pa.Table], columns: Sequence[str]) -> Mapping[str, Floats]:
    try:
        table = read()
        if missing := [name for name in columns if name not in table.column_names]:
            raise Misconfigured(f"{path}: has columns {table.column_names}, needs {', '.join(missing)} too")
        return {name: table[name].to_numpy().astype(np.int64 if name == "ts" else np.float64) for name in columns}
    except (*UNREADABLE, TypeError) as error:
        raise Misconfigured(f"{path}: cannot be read ({error}); a panel holds {_LAYOUT}") from error


def _check(path: Path, opens: Ints, prices: Floats, volumes: Floats, interval_ms: int) -> None:
    open_, high, low, close = prices
    for wrong, why in (
        (not len(opens), "no candle in it"),
        (np.any(opens < 0) or np.any(opens > _LATEST_MS), "ts must be milliseconds, from 1970 to 2100"),
        (np.any(opens % interval_ms) or np.any(np.diff(opens) <= 0), "times must be aligned to UTC, ascending, unique"),
        (not np.all(np.isfinite(prices)) or np.any(prices <= 0), "prices must be positive numbers"),
        (not np.all(np.isfinite(volumes)) or np.any(volumes < 0), "volumes must be numbers, not negative"),
        (np.any(high < np.maximum(open_, close)) or np.any(low > np.minimum(open_, close)), "high or low inside body"),
    ):
        if wrong:
            raise Misconfigured(f"{path}: {why}")


def _read_funding(directory: Path, symbol: str) -> tuple[tuple[Instant, Decimal], ...]:
    path = panel_file(directory, symbol, FUNDING_KIND)
    if not path.is_file():
        return ()
    table = _columns(path, lambda: read_whole(path), ("ts", "funding_rate"))
    if np.any(np.diff(table["ts"]) <= 0) or not np.all(np.isfinite(table["funding_rate"])):
        raise Misconfigured(f"{path}: times must be ascending and unique, rates numbers")
    rows: Iterable[tuple[float, float]] = zip(table["ts"].tolist(), table["funding_rate"].tolist(), strict=True)
    return tuple((Instant(int(at)), Decimal(repr(rate))) for at, rate in rows)


def _funding_interval(settlements: Sequence[tuple[Instant, Decimal]]) -> int:
    if len(settlements) < 2:
        return FUNDING_INTERVAL_MS
    gaps = np.diff([at for at, _ in settlements])
    hours, counts = np.unique(np.rint(gaps / HOUR_MS).astype(np.int64), return_counts=True)
    return max(1, int(hours[counts.argmax()])) * HOUR_MS
