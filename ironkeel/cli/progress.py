"""How long work shows how far it is: a bar with rate and ETA on a terminal, a line every few seconds elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ironkeel.cli.command import say
from libs.common.clock import Clock

LINE_EVERY_MS: Final = 5_000


@contextmanager
def telling(what: str, whole: int, clock: Clock) -> Iterator[Callable[[int], None]]:
    """Yield what is called with how many of `whole` are done."""
    screen = Console(stderr=True)
    if screen.is_terminal:
        columns = (
            TextColumn(what),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.speed:.0f}/s"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=screen) as bar:
            task = bar.add_task(what, total=whole)
            yield lambda done: bar.update(task, completed=done)
        return
    began = told = clock.monotonic_ms()

    def tell(done: int) -> None:
        nonlocal told
        now = clock.monotonic_ms()
        if now - told < LINE_EVERY_MS:
            return
        told = now
        rate = done / (now - began) * 1_000
        left = f", {(whole - done) / rate:.0f} s left" if rate else ""
        say(f"{done} of {whole} {what}, {rate:.1f}/s{left}")

    yield tell
