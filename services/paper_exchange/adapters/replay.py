"""A market made of recorded candles: `<SYMBOL>-<timeframe>.parquet` and `<SYMBOL>-funding.parquet` in one folder.

The finest file of a symbol drives everything of it; coarser files are not read. Holes are filled with candles that do
not move and have no volume, as in a halt. Half hours and hours are split into quarters of an hour, which strategies
need. Where there is no funding file, the base rate settles every eight hours.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import structlog

from libs.common.clock import iso
from libs.common.errors import Misconfigured
from libs.common.units import HOUR_MS, Instant, Symbol, Timeframe
from services.paper_exchange.core.board import Board
from services.paper_exchange.core.columns import Columns, Ints, columns_of
from services.paper_exchange.core.facts import contract
from services.paper_exchange.core.grain import Floats, in_ticks, price_tick, volume_quantum
from services.paper_exchange.core.listing import Listing
from services.paper_exchange.core.refine import Refined
from services.paper_exchange.core.schedule import FUNDING_INTERVAL_MS, Schedule
from services.paper_exchange.core.span import choose
from services.paper_exchange.core.tape import Recorded, Scale

log = structlog.get_logger()

_CANDLES: Final = re.compile(r"([A-Z0-9]{1,20})-(1m|5m|15m|30m|1h)\.parquet")
COARSEST_MS: Final = Timeframe.M15.ms
_PRICES: Final = ("open", "high", "low", "close")
_LAYOUT: Final = "<SYMBOL>-<1m|5m|15m|30m|1h>.parquet with columns ts (int64 ms), open, high, low, close, volume"


def replay_market(
    directory: Path, *, symbols: Sequence[str] | str, start: Instant | None, end: Instant | None
) -> Board:
    """Read the panel in `directory`; `symbols` is a list, or `top:N` by turnover before the start.

    Raises Misconfigured naming the path or the key, and what is allowed.
    """
    files = _finest(directory)
    listings = {symbol: _listing(directory, symbol, timeframe) for symbol, timeframe in _wanted(files, symbols).items()}
    first = min(listing.tape.first for listing in listings.values())
    last = max(_closes(listing) for listing in listings.values())
    span = choose(first, last, start, end)
    chosen = _top(listings, symbols, span.start)
    schedules = {listing.symbol: _schedule(directory, listing) for listing in chosen}
    log.info("replay.opened", path=str(directory), symbols=len(chosen), start=iso(span.start), end=iso(span.end))
    return Board(chosen, schedules, start=span.start, end=span.end)


def _finest(directory: Path) -> Mapping[str, Timeframe]:
    if not directory.is_dir():
        raise Misconfigured(f"paper.market = replay:{directory}: no such folder; it must hold {_LAYOUT}")
    found: dict[str, Timeframe] = {}
    for path in sorted(directory.iterdir()):
        if match := _CANDLES.fullmatch(path.name):
            symbol, timeframe = match[1], Timeframe(match[2])
            found[symbol] = min(found.get(symbol, timeframe), timeframe, key=lambda each: each.ms)
    if not found:
        raise Misconfigured(f"paper.market = replay:{directory}: no candles in it; it must hold {_LAYOUT}")
    return found


def _wanted(files: Mapping[str, Timeframe], symbols: Sequence[str] | str) -> Mapping[str, Timeframe]:
    if isinstance(symbols, str):
        return files
    if unknown := sorted(set(symbols) - set(files)):
        raise Misconfigured(f"market.symbols: {', '.join(unknown)} not in the panel, which has {', '.join(files)}")
    return {symbol: files[symbol] for symbol in symbols}


def _top(listings: Mapping[str, Listing], symbols: Sequence[str] | str, start: Instant) -> Sequence[Listing]:
    if not isinstance(symbols, str):
        return tuple(listings.values())
    ranked = sorted(listings.values(), key=lambda each: (-_turnover(each, start), each.symbol))
    return ranked[: int(symbols.removeprefix("top:"))]


def _turnover(listing: Listing, until: Instant) -> Decimal:
    """USDT traded before `until`; of a panel that starts there, everything."""
    tape = listing.tape.coarse if isinstance(listing.tape, Refined) else listing.tape
    before = min(tape.count or 0, (until - tape.first) // tape.interval_ms)
    whole = tape.read(0, before if until > tape.first else 0)
    return listing.scale.turnover(sum(whole.turnover.tolist()))


def _closes(listing: Listing) -> Instant:
    return Instant(listing.tape.first + (listing.tape.count or 0) * listing.tape.interval_ms)


def _listing(directory: Path, symbol: str, timeframe: Timeframe) -> Listing:
    path = directory / f"{symbol}-{timeframe}.parquet"
    opens, prices, volumes = _read_candles(path)
    _check(path, opens, prices, volumes, timeframe.ms)
    tick = price_tick(prices)
    if tick is None:
        raise Misconfigured(f"{path}: prices are not multiples of any tick")
    scale = Scale(tick, volume_quantum(volumes))
    open_, high, low, close = in_ticks(prices, tick)
    whole = columns_of(open_, high, low, close, in_ticks(volumes, scale.quantum))
    first = Instant(int(opens[0]))
    instrument = contract(
        Symbol(symbol),
        tick=tick,
        price=scale.price(int(whole.open[0])),
        launched=first,
        funding_interval_ms=_funding_interval(_read_funding(directory, symbol)),
    )
    recorded = Recorded(first, timeframe.ms, _without_holes(path, opens, whole, timeframe.ms))
    return Listing(instrument, _tape(path, recorded), scale)


def _tape(path: Path, recorded: Recorded) -> Recorded | Refined:
    if recorded.interval_ms <= COARSEST_MS:
        return recorded
    log.warning("replay.refined", path=str(path), recorded_ms=recorded.interval_ms, played_ms=COARSEST_MS)
    return Refined(recorded, COARSEST_MS, path.name)


def _read_candles(path: Path) -> tuple[Ints, Floats, Floats]:
    """Opening times (n,), prices (4, n) and volumes (n,) of a file."""
    table = _read(path, ("ts", *_PRICES, "volume"))
    prices = np.stack([table[name] for name in _PRICES])
    return table["ts"].astype(np.int64), prices, table["volume"]


def _read(path: Path, columns: Sequence[str]) -> Mapping[str, Floats]:
    try:
        table = pq.read_table(path, columns=list(columns))
        if table.column_names != list(columns):
            raise Misconfigured(f"{path}: has columns {pq.read_schema(path).names}, needs {', '.join(columns)}")
        return {name: table[name].to_numpy().astype(np.int64 if name == "ts" else np.float64) for name in columns}
    except (pa.ArrowException, OSError, ValueError, TypeError) as error:
        raise Misconfigured(f"{path}: cannot be read ({error}); a panel holds {_LAYOUT}") from error


def _check(path: Path, opens: Ints, prices: Floats, volumes: Floats, interval_ms: int) -> None:
    open_, high, low, close = prices
    for wrong, why in (
        (not len(opens), "no candle in it"),
        (np.any(opens % interval_ms) or np.any(np.diff(opens) <= 0), "times must be aligned to UTC, ascending, unique"),
        (not np.all(np.isfinite(prices)) or np.any(prices <= 0), "prices must be positive numbers"),
        (not np.all(np.isfinite(volumes)) or np.any(volumes < 0), "volumes must be numbers, not negative"),
        (np.any(high < np.maximum(open_, close)) or np.any(low > np.minimum(open_, close)), "high or low inside body"),
    ):
        if wrong:
            raise Misconfigured(f"{path}: {why}")


def _without_holes(path: Path, opens: Ints, whole: Columns, interval_ms: int) -> Columns:
    places = (opens - opens[0]) // interval_ms
    count = int(places[-1]) + 1
    if count == len(opens):
        return whole
    log.warning("replay.holes_filled", path=str(path), candles=count - len(opens))
    source = np.searchsorted(places, np.arange(count), side="right") - 1
    real = np.isin(np.arange(count), places)
    close = whole.close[source]
    open_, high, low = (np.where(real, column[source], close) for column in (whole.open, whole.high, whole.low))
    return columns_of(open_, high, low, close, np.where(real, whole.volume[source], 0))


def _read_funding(directory: Path, symbol: str) -> tuple[tuple[Instant, Decimal], ...]:
    path = directory / f"{symbol}-funding.parquet"
    if not path.is_file():
        return ()
    table = _read(path, ("ts", "funding_rate"))
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


def _schedule(directory: Path, listing: Listing) -> Schedule:
    return Schedule(since=listing.tape.first, recorded=_read_funding(directory, listing.symbol))
