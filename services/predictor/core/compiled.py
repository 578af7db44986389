"""The one door to the compiler: a typed decorator for functions of plain numbers and float arrays."""

from collections.abc import Callable
from typing import TypeVar

from numba import njit

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """Compile `function` to machine code at its first call and keep the code on disk beside its source.

    IEEE arithmetic in the order written, so that the same bars give the same bits; x / 0 is inf or NaN, never raised.
    A function that is called by a kept one must be in the same file: the cache sees changes of that file only.
    """
    kept: F = njit(cache=True, error_model="numpy")(function)
    return kept
