"""`ironkeel train`: a full training, in a process of its own, on stored candles."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from ironkeel.cli.command import HomeOption, target
from ironkeel.local.programs import environment
from libs.common.clock import parse_iso
from libs.common.errors import Misconfigured
from libs.common.settings import PREFIX


def train(
    candles: Annotated[
        Path | None, typer.Option(help="Folder of <SYMBOL>-<tf>.parquet; default: what the fetcher keeps.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Use no candle that closes later; ISO date.")] = None,
    home: HomeOption = None,
) -> None:
    """Train a new model for every timeframe and make it the current one; shows its progress."""
    asked = target(home)
    command = [sys.executable, "-m", "services.predictor.training.main", "--full", "--home", str(asked.home.path)]
    if candles is not None:
        command += ["--candles", str(candles)]
    if until is not None:
        command += ["--until", str(_instant(until))]
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(PREFIX)}
    ended = subprocess.run(command, env={**inherited, **environment(asked.settings, "predictor", "train")}, check=False)
    if ended.returncode:
        raise typer.Exit(ended.returncode)


def _instant(text: str) -> int:
    try:
        return parse_iso(text)
    except ValueError as error:
        raise Misconfigured(f"--until {text}: must be an ISO date such as 2025-09-15") from error
