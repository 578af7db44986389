"""Dice that anybody can throw again: whole numbers that look random and are functions of a name and a place.

1. The same name and place give the same number, for ever and on every machine: nothing but 64-bit arithmetic.
"""

from hashlib import blake2b
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from services.paper_exchange.core.market.columns import Ints

Dice: TypeAlias = NDArray[np.uint64]
_ROW: Final = np.uint64(0x9E3779B97F4A7C15)
_COLUMN: Final = np.uint64(0xD1B54A32D192ED03)
_MIX: Final = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


def seed_of(name: str) -> int:
    """Return 64 bits of `name`."""
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "little")


def throw(seed: int, places: Ints, count: int) -> Dice:
    """Return `count` dice of 64 bits at each of `places` (m,), which are not negative: (m, count)."""
    rows = np.uint64(seed) + (places.astype(np.uint64) + np.uint64(1)) * _ROW
    return _mixed(_mixed(rows)[:, None] + np.arange(1, count + 1, dtype=np.uint64) * _COLUMN)


def bits(dice: Dice, low: int, width: int) -> Ints:
    """Return `width` bits of each die from bit `low` on; fields that do not overlap know nothing of each other."""
    return ((dice >> np.uint64(low)) & np.uint64((1 << width) - 1)).astype(np.int64)


def _mixed(dice: Dice) -> Dice:
    """Scatter every bit over all of them (SplitMix64: Steele, Lea & Flood 2014)."""
    dice = (dice ^ (dice >> np.uint64(30))) * _MIX[0]
    dice = (dice ^ (dice >> np.uint64(27))) * _MIX[1]
    return dice ^ (dice >> np.uint64(31))
