"""`ironkeel train`: a full training, in a process of its own, on the candles that the fetcher keeps."""

import os
import subprocess
import sys

import typer

from ironkeel.cli.command import HomeOption, target
from ironkeel.local.programs import environment


def train(home: HomeOption = None) -> None:
    """Train a new model for every timeframe and switch to it; shows its progress."""
    asked = target(home)
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("IRONKEEL_")}
    ended = subprocess.run(
        [sys.executable, "-m", "services.predictor.training.main"],
        env={**inherited, **environment(asked.settings, "predictor", "train")},
        check=False,
    )
    if ended.returncode:
        raise typer.Exit(ended.returncode)
