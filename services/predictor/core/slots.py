"""When a symbol is decided on: once per 15m close, when every timeframe that closes then has arrived.

1. At :00 that is 15m, 30m and 1h; at :30 15m and 30m; at :15 and :45 15m alone. The others lend their newest row.
2. A slot is decided at most once, and never after a later one.
3. What a slot is decided on is known at the slot: no row closes after it.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

from libs.common.units import Instant, Timeframe

SLOT: Final = Timeframe.M15
PATIENCE_MS: Final = 2_000  # wall: how long a slot waits for its last candle
VALID_MS: Final = SLOT.ms  # a signal is good until the next slot


class Gathering(StrEnum):
    """How far the candles of a slot have come."""

    WAITING = "waiting"
    COMPLETE = "complete"
    PASSED = "passed"  # a later candle is known: this slot's rows are gone


def slot_of(close_at: Instant) -> Instant:
    """The newest 15m close at or before `close_at`."""
    return Instant(close_at - close_at % SLOT.ms)


def closing_at(slot: Instant, timeframes: Iterable[Timeframe]) -> tuple[Timeframe, ...]:
    """Those of `timeframes` whose candle closes at `slot`."""
    return tuple(timeframe for timeframe in timeframes if slot % timeframe.ms == 0)


def last_close(slot: Instant, timeframe: Timeframe) -> Instant:
    """The newest close of `timeframe` that is known at `slot`."""
    return Instant(slot - slot % timeframe.ms)


def gathering(slot: Instant, closes: Mapping[Timeframe, Instant]) -> Gathering:
    """Judge by the newest close (or passed-over close) of every timeframe whether `slot` can be decided."""
    if any(close_at > slot for close_at in closes.values()):
        return Gathering.PASSED
    if any(closes[timeframe] < slot for timeframe in closing_at(slot, closes)):
        return Gathering.WAITING
    return Gathering.COMPLETE


def missing_at(slot: Instant, closes: Mapping[Timeframe, Instant]) -> tuple[Timeframe, ...]:
    """The timeframes that a waiting slot still waits for."""
    return tuple(timeframe for timeframe in closing_at(slot, closes) if closes[timeframe] < slot)
