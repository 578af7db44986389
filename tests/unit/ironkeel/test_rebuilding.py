"""Without an executor: what the process that reads the venue says is passed on in words."""

from pathlib import Path

import pytest

from ironkeel.local.home import open_home
from ironkeel.local.rebuilding import reason, rebuild_without_executor
from libs.common.errors import Misconfigured, Transient
from libs.common.settings import load
from tests.support.system import free_port_base


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ('{"event": "a"}\n{"event": "process.failed", "reason": "the venue is away"}\n', "the venue is away"),
        ("executor: no key\n", "executor: no key"),
        ("[1]", "[1]"),
        ("", ""),
    ],
)
def test_the_last_thing_that_was_said_is_the_reason(said: str, told: str) -> None:
    assert reason(said) == told


def test_a_home_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="no such folder"):
        rebuild_without_executor(open_home(tmp_path / "typo"), load())


def test_a_venue_that_is_away_is_named_and_nothing_is_made_up(tmp_path: Path) -> None:
    settings = load({"service.home": str(tmp_path), "ports.base": str(free_port_base())})
    with pytest.raises(Transient, match="no executor runs, and the ledger could not be rebuilt"):
        rebuild_without_executor(open_home(tmp_path), settings)


def test_settings_that_are_wrong_are_the_users_to_change(tmp_path: Path) -> None:
    settings = load({"service.home": str(tmp_path), "exchange.venue": "bybit-demo"})
    with pytest.raises(Misconfigured, match=r"exchange\.api_key is empty"):
        rebuild_without_executor(open_home(tmp_path), settings)
