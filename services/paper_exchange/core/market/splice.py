"""Recordings of one symbol in several timeframes, made one: the finest wherever it reaches, coarser ones elsewhere.

1. Every minute between the first and the last candle is in exactly one candle of the result.
2. Where a coarse candle is cut, what is left is what the finer ones leave of it: put together again they are the coarse
   candle, as long as the recordings agree.
3. Where nothing was recorded the price stands still at the close before and nothing is traded, as in a halt.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from libs.common.units import MINUTE_MS, Instant
from services.paper_exchange.core.market.columns import Columns, Ints, Ohlcv, columns_of
from services.paper_exchange.core.market.tape import Recorded

_HALTS: Final = tuple(minutes * MINUTE_MS for minutes in (15, 5, 1))  # lengths of candles that stand still


@dataclass(frozen=True, slots=True)
class Recording:
    """The candles of one file: they open at `opens`, ascending, multiples of the interval; holes are allowed."""

    interval_ms: int
    opens: Ints
    columns: Columns


def splice(recordings: Iterable[Recording]) -> list[Recorded]:
    """Return tapes that follow each other without a gap; every interval is a multiple of the finer ones."""
    tapes: list[Recorded] = []
    for recording in sorted(recordings, key=lambda each: -each.interval_ms):
        tapes = _overlaid(tapes, recording)
    return list(_filled(tapes))


def _runs(recording: Recording) -> Sequence[Recorded]:
    """The stretches of a recording that have no hole."""
    breaks = (np.flatnonzero(np.diff(recording.opens) != recording.interval_ms) + 1).tolist()
    edges = zip([0, *breaks], [*breaks, len(recording.opens)], strict=True)
    return [
        Recorded(Instant(int(recording.opens[low])), recording.interval_ms, recording.columns.slice(low, high))
        for low, high in edges
    ]


def _overlaid(tapes: Sequence[Recorded], finer: Recording) -> list[Recorded]:
    """Return `finer`, and of the coarser `tapes` what is before, between and after its stretches."""
    laid: list[Recorded] = []
    waiting = deque(tapes)
    for run in _runs(finer):
        while waiting and waiting[0].end <= run.first:
            laid.append(waiting.popleft())
        after: Sequence[Recorded] = ()
        while waiting and waiting[0].first < run.end:
            before, after = _cut(waiting.popleft(), run, finer)
            laid += before
        waiting.extendleft(reversed(after))
        laid.append(run)
    return [*laid, *waiting]


def _cut(tape: Recorded, run: Recorded, finer: Recording) -> tuple[Sequence[Recorded], Sequence[Recorded]]:
    """What is left of `tape` before and after `run`, the first of the stretches of `finer` that overlap it."""
    begin, end = max(run.first, tape.first), min(run.end, tape.end)
    first, into = divmod(begin - tape.first, tape.interval_ms)
    last, over = divmod(end - tape.first, tape.interval_ms)
    before, after = [tape.part(0, first)], [tape.part(last + bool(over), tape.count)]
    if into:
        before.append(_head(tape.part(first, first + 1), run, finer))
    if over:
        told = before[1].columns.at(0).volume if into and first == last else 0
        after.insert(0, _tail(tape.part(last, last + 1), run, told))
    return [each for each in before if each.count], [each for each in after if each.count]


def _head(candle: Recorded, run: Recorded, finer: Recording) -> Recorded:
    """The part of `candle` before `run`, with its share by time of what was traded outside all finer candles."""
    whole, inside = candle.columns.at(0), _inside(run, candle)
    low, high = np.searchsorted(finer.opens, (candle.first, candle.end)).tolist()
    elsewhere = max(0, whole.volume - int(finer.columns.volume[low:high].sum()))
    volume = elsewhere * (run.first - candle.first) // (candle.interval_ms - (high - low) * finer.interval_ms)
    return _rest(whole, inside, candle.first, run.first, (whole.open, int(inside.open[0]), volume))


def _tail(candle: Recorded, run: Recorded, told: int) -> Recorded:
    """The part of `candle` after `run`, with all volume but the run's and the `told`: other finer ones take of it."""
    whole, inside = candle.columns.at(0), _inside(run, candle)
    volume = max(0, whole.volume - int(inside.volume.sum()) - told)
    return _rest(whole, inside, run.end, candle.end, (int(inside.close[-1]), whole.close, volume))


def _rest(whole: Ohlcv, inside: Columns, begin: int, end: int, known: tuple[int, int, int]) -> Recorded:
    """One candle in [begin, end) of `known` open, close and volume: `whole` without what is `inside` the run."""
    opened, closed, volume = known
    high = max(opened, closed, whole.high if whole.high > int(inside.high.max()) else 0)
    low = min(opened, closed, whole.low if whole.low < int(inside.low.min()) else opened)
    columns = columns_of(*(np.array((value,), np.int64) for value in (opened, high, low, closed, volume)))
    return Recorded(Instant(begin), end - begin, columns)


def _inside(run: Recorded, candle: Recorded) -> Columns:
    """The candles of `run` that lie in `candle`."""
    low, high = (max(0, at - run.first) // run.interval_ms for at in (candle.first, candle.end))
    return run.columns.slice(low, high)


def _filled(tapes: Sequence[Recorded]) -> Iterator[Recorded]:
    before: Recorded | None = None
    for tape in tapes:
        if before is not None and before.end < tape.first:
            yield _halt(before.end, tape.first, int(before.columns.close[-1]))
        yield tape
        before = tape


def _halt(begin: int, end: int, close: int) -> Recorded:
    interval = next(each for each in _HALTS if begin % each == 0 and end % each == 0)
    still = np.full((end - begin) // interval, close, np.int64)
    return Recorded(Instant(begin), interval, columns_of(still, still, still, still, np.zeros_like(still)))
