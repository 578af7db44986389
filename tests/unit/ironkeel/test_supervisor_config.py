import configparser
from pathlib import Path

import pytest
from supervisor.datatypes import dict_of_key_value_pairs

from ironkeel.local.home import open_home
from ironkeel.local.programs import Program, programs
from ironkeel.local.supervisor_config import PRIORITY, STOP_WAIT_S, render
from libs.common.errors import Misconfigured
from libs.common.settings import Settings


def parsed(text: str) -> configparser.RawConfigParser:
    config = configparser.RawConfigParser(strict=True, interpolation=None)
    config.read_string(text)
    return config


def whole(tmp_path: Path) -> configparser.RawConfigParser:
    started = programs(Settings(), scale={"fetcher": 2}, redis_command=("redis-server", "--save", ""))
    return parsed(render(open_home(tmp_path), started, root=tmp_path))


def test_services_stop_before_the_exchange_and_the_exchange_before_redis(tmp_path: Path) -> None:
    config = whole(tmp_path)
    priority = {g: int(config[f"group:{g}"]["priority"]) for g in ("store", "exchange", "services")}
    assert priority["services"] > priority["exchange"] > priority["store"]
    assert config["group:store"]["programs"] == "redis"
    assert config["group:services"]["programs"].split(",") == [
        "fetcher", "fetcher-2", "predictor", "executor", "trailing", "postmortem",
    ]  # fmt: skip


def test_everything_stops_within_ten_seconds_however_stubborn() -> None:
    assert PRIORITY.keys() == STOP_WAIT_S.keys()
    assert sum(STOP_WAIT_S.values()) <= 8


def test_every_process_is_started_again_with_its_whole_group_killed(tmp_path: Path) -> None:
    config = whole(tmp_path)
    for section in (name for name in config.sections() if name.startswith("program:")):
        assert config[section]["autorestart"] == "true"
        assert config[section]["killasgroup"] == config[section]["stopasgroup"] == "true"
        assert int(config[section]["startretries"]) <= 3  # the lifeline revives it: the back-off stays short


@pytest.mark.parametrize("value", ["plain", "50%", 'say "hi" to', "it's", "a,b=c", "redis://:p%40ss@h:1/0?x=1&y=2", ""])
def test_an_environment_value_is_read_back_as_it_was(value: str, tmp_path: Path) -> None:
    program = Program("executor", "services", ("python",), {"KEY": value, "OTHER": "1"})
    written = parsed(render(open_home(tmp_path), [program], root=tmp_path))["program:executor"]["environment"]
    assert dict_of_key_value_pairs(written.replace("%%", "%")) == {"KEY": value, "OTHER": "1"}


@pytest.mark.parametrize("value", ["a'b\"c", "'quoted'", "two\nlines"])
def test_a_value_that_cannot_be_handed_on_is_named_not_cut(value: str, tmp_path: Path) -> None:
    program = Program("executor", "services", ("python",), {"KEY": value})
    with pytest.raises(Misconfigured, match="KEY"):
        render(open_home(tmp_path), [program], root=tmp_path)
