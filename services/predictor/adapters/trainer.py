"""The first training, in a process of its own so that this one keeps answering."""

import asyncio
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Sequence
from pathlib import Path

import structlog

from libs.common.errors import Fatal, Misconfigured
from libs.common.health import Health
from libs.common.units import Instant, Symbol
from services.predictor.training.progress import read_progress

log = structlog.get_logger()

MISCONFIGURED = 2


async def train_first(home: Path, symbols: Sequence[Symbol], *, until: Instant, health: Health) -> None:
    """Train on the stored series up to market time `until`, and show the progress in `health`.

    Raises Misconfigured or Fatal with the last line that the training wrote when it fails; a stop of this process
    stops it too.
    """
    command = ["--first", "--home", str(home), "--symbols", ",".join(symbols), "--until", str(until)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.predictor.training.main", *command, stdout=PIPE, stderr=STDOUT
    )
    try:
        last = await _follow(process, health)
        code = await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if code == MISCONFIGURED:
        raise Misconfigured(last)
    if code:
        raise Fatal(f"the first training failed: {last}")


async def _follow(process: asyncio.subprocess.Process, health: Health) -> str:
    """Pass the lines on to health and log; returns the last one."""
    last, reason = "", "training"
    health.wait_for(reason, "reading candles")
    assert process.stdout is not None  # it was asked for
    async for raw in process.stdout:
        last = raw.decode(errors="replace").strip()
        progress = read_progress(last)
        if progress is not None:
            health.done_with(reason)
            reason = f"training {progress[0]}"
            health.wait_for(reason, progress[1])
        log.info("training.progressed", line=last)
    health.done_with(reason)
    return last
