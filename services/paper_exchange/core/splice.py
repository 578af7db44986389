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
from services.paper_exchange.core.columns import Columns, Ints, Ohlcv, columns_of
from services.paper_exchange.core.tape import Recorded

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
        tapes = _overlaid(tapes, _runs(recording))
    return list(_filled(tapes))


def _runs(recording: Recording) -> Sequence[Recorded]:
    """The stretches of a recording that have no hole."""
    breaks = (np.flatnonzero(np.diff(recording.opens) != recording.interval_ms) + 1).tolist()
    edges = zip([0, *breaks], [*breaks, len(recording.opens)], strict=True)
    return [
        Recorded(Instant(int(recording.opens[low])), recording.interval_ms, recording.columns.slice(low, high))
        for low, high in edges
    ]


def _overlaid(tapes: Sequence[Recorded], runs: Sequence[Recorded]) -> list[Recorded]:
    """Return `runs`, and of the coarser `tapes` what is before, between and after them."""
    laid: list[Recorded] = []
    waiting = deque(tapes)
    for run in runs:
        while waiting and waiting[0].end <= run.first:
            laid.append(waiting.popleft())
        after: Sequence[Recorded] = ()
        while waiting and waiting[0].first < run.end:
            before, after = _cut(waiting.popleft(), run)
            laid += before
        waiting.extendleft(reversed(after))
        laid.append(run)
    return [*laid, *waiting]


def _cut(tape: Recorded, run: Recorded) -> tuple[Sequence[Recorded], Sequence[Recorded]]:
    """What is left of `tape` before and after `run`, which overlaps it."""
    begin, end = max(run.first, tape.first), min(run.end, tape.end)
    first, into = divmod(begin - tape.first, tape.interval_ms)
    last, over = divmod(end - tape.first, tape.interval_ms)
    shared = bool(into and over and first == last)  # both rests are of one candle, and so is what is left to trade
    before, after = [tape.part(0, first)], [tape.part(last + bool(over), tape.count)]
    if into:
        candle, finer = tape.columns.at(first), _inside(run, tape.part(first, first + 1))
        before.append(
            _rest(
                candle,
                finer,
                begin - into,
                begin,
                candle.open,
                int(finer.open[0]),
                _left(candle, finer) // (1 + shared),
            )
        )
    if over:
        candle, finer = tape.columns.at(last), _inside(run, tape.part(last, last + 1))
        until = end - over + tape.interval_ms
        after.insert(
            0,
            _rest(
                candle, finer, end, until, int(finer.close[-1]), candle.close, -(-_left(candle, finer) // (1 + shared))
            ),
        )
    return [each for each in before if each.count], [each for each in after if each.count]


def _inside(run: Recorded, candle: Recorded) -> Columns:
    low, high = (max(0, at - run.first) // run.interval_ms for at in (candle.first, candle.end))
    return run.columns.slice(low, high)


def _left(candle: Ohlcv, finer: Columns) -> int:
    """What was traded in `candle` beside `finer`."""
    return max(0, candle.volume - int(finer.volume.sum()))


def _rest(candle: Ohlcv, finer: Columns, begin: int, end: int, opened: int, closed: int, volume: int) -> Recorded:
    """One candle in [begin, end): `candle` without `finer`."""
    high = max(opened, closed, candle.high if candle.high > int(finer.high.max()) else 0)
    low = min(opened, closed, candle.low if candle.low < int(finer.low.min()) else opened)
    columns = columns_of(*(np.array((value,), np.int64) for value in (opened, high, low, closed, volume)))
    return Recorded(Instant(begin), end - begin, columns)


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
