"""Compile the kernel and keep it: run at install and at image build, so that no first start waits for it.

The code is kept beside features.py, or in NUMBA_CACHE_DIR where that folder may not be written.
"""

import sys

import numpy as np

from libs.common.clock import Clock, SystemClock
from services.predictor.core.features import COLUMNS, new_state, rows_of, step


def compile_kernel(clock: Clock) -> float:
    """Compile or load the kernel by using it once; returns the seconds that it took."""
    began = clock.monotonic_ms()
    bar = np.array([0.0, 1.0, 1.0, 1.0, 1.0, 0.0])
    step(new_state(), bar, np.empty(COLUMNS))
    rows_of(bar.reshape(1, 6))
    return (clock.monotonic_ms() - began) / 1_000


if __name__ == "__main__":
    sys.stdout.write(f"feature kernel ready in {compile_kernel(SystemClock()):.1f} s\n")
