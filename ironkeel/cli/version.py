"""`ironkeel version`."""

from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed

from ironkeel.cli.command import say


def version() -> None:
    """Print the version."""
    try:
        say(f"ironkeel {installed('ironkeel')}")
    except PackageNotFoundError:
        say("ironkeel (not installed)")
