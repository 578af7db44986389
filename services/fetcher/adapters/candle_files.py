"""The candles that training and replay read, and that a Redis which lost its series has back: `<home>/candles/live`.

Candles wait in memory as lines (filing/work.py) and are written every few minutes, by another process: what a start
loads waits until it is loaded, for its CPU is what a start is short of. What was not written when this one ended is in
the series in Redis, from where whoever takes the symbol up copies it.
"""

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Protocol

import structlog

from libs.common.contracts.market import ClosedBar
from libs.common.errors import Transient
from libs.common.exchange.market_types import Candle
from libs.common.units import Instant, Price, Qty, Usd
from services.fetcher.core.catch_up import Key

log = structlog.get_logger()

FULL: Final = 200_000  # candles that wait at most, give or take those of a look: 16 MB
PORTION: Final = 20_000  # candles that are written at once, give or take a series: they take ten times that


class Filing(Protocol):
    async def ask(self, question: Mapping[str, Any]) -> Any:
        """Answer a question that work.py knows; raises OSError when the disk, or whoever is to answer, does not."""
        ...


@dataclass(slots=True)
class _Lines:
    """Candles of one series that wait to be written, in the order in which they were told."""

    texts: list[str]  # each of one line or more
    candles: int
    last: Instant  # open time of the last

    def __iadd__(self, later: "_Lines") -> "_Lines":
        self.texts += later.texts
        self.candles += later.candles
        self.last = later.last
        return self


_Waiting = dict[Key, _Lines]


class CandleFiles:
    """Files of one folder, shared with other fetchers. What is read never waits for what is written, nor for others."""

    def __init__(self, folder: Path, reading: Filing, writing: Filing) -> None:
        self._folder, self._reading, self._writing = folder, reading, writing
        self._waiting: _Waiting = {}
        self._ends: dict[Key, Instant] = {}  # as far as it is known
        self._anew: set[Key] = set()  # series without a whole file
        self._given: dict[Key, range] = {}  # open times of the candles that came from the files last

    @property
    def is_full(self) -> bool:
        """So many candles wait that they should be written at once."""
        return _candles(self._waiting) >= FULL

    def note(self, *candles: ClosedBar) -> None:
        """Keep candles of one series for the next `flush`, as far as they are not from here."""
        key = (candles[0].symbol, candles[0].timeframe)
        given = self._given.get(key, ())
        new = [candle for candle in candles if candle.open_at not in given]
        if new:
            _add(self._waiting, key, _Lines(["\n".join(map(_line, new))], len(new), new[-1].open_at))

    async def ends(self, keys: Sequence[Key]) -> Mapping[Key, Instant | None]:
        """Up to where each series is in the files without a day missing; None: it is not, or its file is torn.

        Raises Transient when it cannot be known now.
        """
        try:
            if await asyncio.to_thread(is_empty, self._folder):  # nobody need be started to look into it
                told = [None] * len(keys)
            else:
                told = await self._reading.ask({"what": "ends", "keys": [_name(key) for key in keys]})
        except OSError as error:
            raise Transient(f"files of candles not read: {error}") from error
        found: dict[Key, Instant | None] = dict(zip(keys, told, strict=True))
        self._ends |= {key: end for key, end in found.items() if end is not None}
        self._anew |= {key for key, end in found.items() if end is None}
        return found

    async def candles(self, key: Key, start: Instant, limit: int) -> Sequence[Candle]:
        """At most `limit` candles that follow each other from `start` on, as the venue told them to the digit."""
        if start > self._ends.get(key, -1):
            return ()
        try:
            lines = await self._reading.ask({"what": "candles", "key": _name(key), "start": start, "limit": limit})
        except OSError as error:
            log.warning("candles.not_read", symbol=key[0], timeframe=key[1], reason=str(error))
            return ()
        if lines:
            before = self._given.get(key, range(0))
            first = before.start if before.stop == start else start
            self._given[key] = range(first, start + len(lines) * key[1].ms, key[1].ms)
        return [_candle(key, line) for line in lines]

    async def flush(self) -> bool:
        """Write what waits; False when something in the files was torn, or was let go, and is to be filed again.

        What the disk does not take waits on, up to FULL candles; more than that is let go, for Redis has it.
        """
        waiting, self._waiting, is_whole = self._waiting, {}, True
        while waiting:
            portion = _portion(waiting)
            try:
                is_whole &= await self._write(portion)
            except asyncio.CancelledError:  # there is a last flush when a fetcher is told to stop
                self._wait_on(portion | waiting)
                raise
            except OSError as error:  # the market goes on without a disk
                log.error("candles.not_written", reason=str(error))
                return self._wait_on(portion | waiting) and is_whole
        return is_whole

    async def _write(self, portion: _Waiting) -> bool:
        anew = self._anew & portion.keys()
        lines = {_name(key): "\n".join(told.texts) for key, told in portion.items()}
        is_whole = await self._writing.ask({"what": "grow", "lines": lines, "anew": [_name(key) for key in anew]})
        self._anew -= anew
        if is_whole:
            self._ends |= {key: told.last for key, told in portion.items()}
        else:
            self._given.clear()  # it may not be there any more
        return bool(is_whole)

    def _wait_on(self, unwritten: _Waiting) -> bool:
        """Let this be written before what came later; False when it is too much to wait."""
        if _candles(unwritten) > FULL:
            return False
        later, self._waiting = self._waiting, unwritten
        for key, lines in later.items():
            _add(self._waiting, key, lines)
        return True


def is_empty(folder: Path) -> bool:
    """Whether no fetcher has filed anything there yet; what cannot be looked at is for whoever reads it to say."""
    try:
        with os.scandir(folder) as found:
            return next(found, None) is None
    except OSError as error:
        return isinstance(error, FileNotFoundError)


def _candles(waiting: _Waiting) -> int:
    return sum(lines.candles for lines in waiting.values())


def _add(waiting: _Waiting, key: Key, lines: _Lines) -> None:
    if key in waiting:
        waiting[key] += lines
    else:
        waiting[key] = lines


def _portion(waiting: _Waiting) -> _Waiting:
    """Take whole series out of what waits until they are PORTION candles."""
    portion: _Waiting = {}
    while waiting and _candles(portion) < PORTION:
        key = next(iter(waiting))
        portion[key] = waiting.pop(key)
    return portion


def _name(key: Key) -> str:
    return " ".join(key)


def _line(bar: ClosedBar) -> str:
    prices = f"{bar.open!s},{bar.high!s},{bar.low!s},{bar.close!s}"  # !s: see closed_json
    return f"{bar.open_at},{prices},{bar.volume!s},{bar.turnover!s}"


def _candle(key: Key, line: str) -> Candle:
    open_at, *numbers = line.split(",")
    opened, high, low, close, volume, turnover = map(Decimal, numbers)
    prices = Price(opened), Price(high), Price(low), Price(close)
    return Candle(*key, Instant(int(open_at)), *prices, Qty(volume), Usd(turnover), closed=True)
