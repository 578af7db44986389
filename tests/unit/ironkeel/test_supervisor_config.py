import configparser
from collections.abc import Mapping
from pathlib import Path

import pytest
from supervisor.datatypes import dict_of_key_value_pairs

from ironkeel.local.home import open_home
from ironkeel.local.programs import Program, programs
from ironkeel.local.supervisor_config import PRIORITY, STOP_WAIT_S, render, secrets_of
from libs.common.errors import Misconfigured
from libs.common.settings import Settings, load


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


KEYS = ("IRONKEEL_EXCHANGE__API_KEY", "IRONKEEL_EXCHANGE__API_SECRET")
PAPER_KEYS = ("IRONKEEL_PAPER__API_KEY", "IRONKEEL_PAPER__API_SECRET")
VARIABLES = (*KEYS, *PAPER_KEYS, "IRONKEEL_API__TOKEN", "IRONKEEL_REDIS__URL", "IRONKEEL_EXECUTOR__LEDGER_URL")
WORDS = ["venue-key", 'venue 50%d "s', "paper-key", "%(here)s", "api,token=1", "redis://:p%40ss@h", "postgresql://w@h"]
SECRETS = dict(zip(VARIABLES, WORDS, strict=True))


def secretive() -> list[Program]:
    """Every process of a system whose every secret is set, with values that look like supervisord's own language."""
    keys = {name.removeprefix("IRONKEEL_").lower().replace("__", "."): word for name, word in SECRETS.items()}
    return programs(load(keys), scale={}, redis_command=("redis-server",))


def as_supervisord_reads(written: str, inherited: Mapping[str, str]) -> dict[str, str]:
    """An `environment` expanded the way supervisord does it: once, from its own environment, then split."""
    told = dict_of_key_value_pairs(written % {f"ENV_{name}": value for name, value in inherited.items()})
    return {str(name): str(value) for name, value in told.items()}


def test_the_file_names_secrets_and_holds_none(tmp_path: Path) -> None:
    text = render(open_home(tmp_path), secretive(), root=tmp_path)
    assert not [word for word in SECRETS.values() if word in text or word.replace("%", "%%") in text]


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("program:executor", {*VARIABLES}),
        ("program:paper_exchange", {*PAPER_KEYS}),
        ("program:fetcher", {"IRONKEEL_REDIS__URL"}),
        ("program:redis", set()),
        ("eventlistener:lifeline", set()),
    ],
)
def test_who_may_not_know_a_secret_inherits_an_empty_one(name: str, known: set[str], tmp_path: Path) -> None:
    started = secretive()
    written = parsed(render(open_home(tmp_path), started, root=tmp_path))[name]["environment"]
    told = as_supervisord_reads(written, secrets_of(started))
    assert {key: told[key] for key in VARIABLES} == {key: SECRETS[key] if key in known else "" for key in VARIABLES}


@pytest.mark.parametrize("value", ["a'b\"c", "two\nlines"])
def test_a_secret_that_cannot_be_handed_on_is_named_and_not_shown(value: str, tmp_path: Path) -> None:
    program = Program("executor", "services", ("python",), {"KEY": value}, frozenset({"KEY"}))
    with pytest.raises(Misconfigured, match="KEY") as refused:
        render(open_home(tmp_path), [program], root=tmp_path)
    assert value not in str(refused.value)
