"""Candles that another venue was asked for, kept for the next who asks.

1. Kept in chunks of a fixed number of candles; one that was not over when it was asked for is good only up to then.
2. At most `most` candles are kept; the chunks that were not looked at for longest go first.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from libs.common.units import Instant, Symbol
from services.paper_exchange.core.market.columns import bar_number, bar_start
from services.paper_exchange.core.market.market import Bar

CHUNK: Final = 250  # candles
MOST_BARS: Final = 100_000  # about 75 MB
MOST_ASKED: Final = 1_000  # candles that the venue gives at once


class Kind(StrEnum):
    """The venue's names for candles, which are those of the endpoints."""

    LAST = "kline"
    MARK = "mark-price-kline"
    INDEX = "index-price-kline"
    PREMIUM = "premium-index-price-kline"


class Series(NamedTuple):
    kind: Kind
    symbol: Symbol
    interval_ms: int


class Stretch(NamedTuple):
    """Candles that open in [begin, end)."""

    begin: Instant
    end: Instant


@dataclass(frozen=True, slots=True)
class _Chunk:
    bars: Sequence[Bar]
    known_to: Instant


class Archive:
    def __init__(self, *, most: int = MOST_BARS) -> None:
        self._most = most
        self._kept = 0
        self._chunks: OrderedDict[tuple[Series, int], _Chunk] = OrderedDict()

    def lacking(self, series: Series, stretch: Stretch) -> list[Stretch]:
        """What has to be asked for before `stretch` can be read, in pieces that the venue gives at once."""
        missing = [number for number in self._numbers(series, stretch) if self._is_lacking(series, number, stretch)]
        pieces: list[list[int]] = []
        for number in missing:
            if pieces and number == pieces[-1][-1] + 1 and len(pieces[-1]) < MOST_ASKED // CHUNK:
                pieces[-1].append(number)
            else:
                pieces.append([number])
        return [Stretch(_start(series, piece[0]), _start(series, piece[-1] + 1)) for piece in pieces]

    def keep(self, series: Series, stretch: Stretch, bars: Sequence[Bar], known_to: Instant) -> None:
        """Keep the answer to a piece of what was lacking, oldest first, as it was at `known_to`."""
        for number in self._numbers(series, stretch):
            begin, end = _start(series, number), _start(series, number + 1)
            self._forget(series, number)
            chunk = _Chunk([bar for bar in bars if begin <= bar.open_at < end], known_to)
            self._chunks[series, number] = chunk
            self._kept += max(1, len(chunk.bars))
        while self._kept > self._most:
            self._forget(*next(iter(self._chunks)))

    def read(self, series: Series, stretch: Stretch) -> list[Bar]:
        """The candles of `stretch`, oldest first, as far as they are kept."""
        found: list[Bar] = []
        for number in self._numbers(series, stretch):
            if (chunk := self._chunks.get((series, number))) is not None:
                self._chunks.move_to_end((series, number))
                found += [bar for bar in chunk.bars if stretch.begin <= bar.open_at < stretch.end]
        return found

    def _is_lacking(self, series: Series, number: int, stretch: Stretch) -> bool:
        chunk = self._chunks.get((series, number))
        return chunk is None or chunk.known_to < min(stretch.end, _start(series, number + 1))

    def _forget(self, series: Series, number: int) -> None:
        chunk = self._chunks.pop((series, number), None)
        self._kept -= max(1, len(chunk.bars)) if chunk else 0

    def _numbers(self, series: Series, stretch: Stretch) -> range:
        if stretch.end <= stretch.begin:
            return range(0)
        first, last = (bar_number(at, series.interval_ms) for at in (stretch.begin, stretch.end - 1))
        return range(first // CHUNK, last // CHUNK + 1)


def asked(
    interval_ms: int, *, start: Instant | None, end: Instant | None, limit: int, now: Instant, since: Instant
) -> Stretch:
    """Return which candles a question means: see Market.bars. None is older than `since` or newer than `now`."""
    begun = now - 1  # a bar begins with its first tick, a millisecond after its opening time
    newest = bar_number(begun if end is None else min(begun, end), interval_ms)
    oldest = newest - limit + 1
    if start is not None:
        oldest = bar_number(start - 1, interval_ms) + 1
        newest = min(newest, oldest + limit - 1)
    oldest = max(oldest, bar_number(since, interval_ms))
    if newest < oldest:
        return Stretch(now, now)
    return Stretch(bar_start(oldest, interval_ms), bar_start(newest + 1, interval_ms))


def _start(series: Series, number: int) -> Instant:
    return bar_start(number * CHUNK, series.interval_ms)
