"""What a model learns from: rows of features, what followed them, and when.

1. A row and its label lie wholly at or before `until`.
2. Every sample is there twice, once in a mirror (prices as 1/price, BUY as SELL): nothing is learnt about the
   direction that the market happened to drift in.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from libs.common.units import Instant, Timeframe
from services.predictor.core.feature_table import COLUMN, WARM_UP
from services.predictor.core.features import FloatArray, rows_of
from services.predictor.core.labels import BARRIERS, UNKNOWN, LabelArray, labels_of, turned


@dataclass(frozen=True, slots=True)
class Samples:
    """rows (n, 66), labels (n,) and closes (n,) in ms, sorted by close; `digest` names the bars they are from."""

    rows: NDArray[np.float32]
    labels: LabelArray
    closes: NDArray[np.int64]
    digest: str

    def __len__(self) -> int:
        return len(self.labels)

    def chosen(self, mask: NDArray[np.bool_]) -> "Samples":
        return Samples(self.rows[mask], self.labels[mask], self.closes[mask], self.digest)


def samples_of(series: Sequence[FloatArray], timeframe: Timeframe, *, until: Instant) -> Samples:
    """Pool the samples of several symbols' bars (n, 6) of one timeframe; bars that close after `until` are not used."""
    name = blake2b(digest_size=16)
    rows, labels, closes = [], [], []
    for bars in series:
        known = bars[bars[:, 0] + timeframe.ms <= until]
        name.update(np.ascontiguousarray(known).tobytes())
        learnt, answers = labelled(known)
        usable = answers != UNKNOWN
        rows += [learnt[usable], rows_of(mirrored(known)).astype(np.float32)[usable]]
        labels += [answers[usable], turned(answers[usable])]
        closes += [(known[usable, 0] + timeframe.ms).astype(np.int64)] * 2
    if not rows:
        return Samples(np.empty((0, len(COLUMN)), np.float32), np.empty(0, np.int8), np.empty(0, np.int64), "")
    every = np.concatenate(closes)
    order = np.argsort(every, kind="stable")
    return Samples(np.concatenate(rows)[order], np.concatenate(labels)[order], every[order], name.hexdigest())


def labelled(bars: FloatArray) -> tuple[NDArray[np.float32], LabelArray]:
    """Rows (n, 66) and labels (n,) of one series; UNKNOWN while the row is not warm."""
    rows = rows_of(bars)
    labels = labels_of(bars, rows[:, COLUMN["atr_fraction_14"]] * bars[:, 4])
    labels[: WARM_UP - 1] = UNKNOWN
    return rows.astype(np.float32), labels


def mirrored(bars: FloatArray) -> FloatArray:
    """The market seen upside down, prices as 1/price: what rose falls by the same log return."""
    upside_down = bars.copy()
    upside_down[:, 1:5] = 1 / bars[:, (1, 3, 2, 4)]
    return upside_down


def split(samples: Samples, timeframe: Timeframe) -> tuple[Samples, Samples, Samples]:
    """Part in order of time: 70 % to learn, 15 % to calibrate, 15 % to score.

    A label looks `horizon` bars ahead, so that many before each boundary are left out of the earlier part.
    """
    embargo = BARRIERS.horizon * timeframe.ms
    first, second = (int(samples.closes[int(len(samples) * share)]) for share in (0.70, 0.85))
    learn = samples.closes < first - embargo
    calibrate = (samples.closes >= first) & (samples.closes < second - embargo)
    return samples.chosen(learn), samples.chosen(calibrate), samples.chosen(samples.closes >= second)
