import json
import os
from pathlib import Path

import pytest

from ironkeel.local.home import LONGEST_SOCKET_PATH, RunningSystem, open_home, read_instance, sole_owner
from libs.common.errors import Misconfigured


def test_a_second_owner_is_told_who_has_the_home(tmp_path: Path) -> None:
    home = open_home(tmp_path / "home")
    home.make()
    with sole_owner(home), pytest.raises(Misconfigured, match=rf"in use: .* pid {os.getpid()}"), sole_owner(home):
        pass


def test_a_home_is_free_again_when_its_owner_is_gone(tmp_path: Path) -> None:
    home = open_home(tmp_path / "home")
    home.make()
    for _ in range(2):
        with sole_owner(home):
            pass


def test_a_home_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Misconfigured, match=r"service.home = .*file/home: cannot be written"):
        open_home(tmp_path / "file" / "home").make()


def test_only_living_instances_are_listed(tmp_path: Path) -> None:
    home = open_home(tmp_path)
    home.make()
    for name, pid in (("executor", os.getpid()), ("fetcher", 2**22 + 1)):
        told = {"name": name, "pid": pid, "port": 8000, "started": 1}
        (home.run / f"{name}.json").write_text(json.dumps(told))
    (home.run / "half.json").write_text('{"name": "tra')
    assert [instance.name for instance in home.instances()] == ["executor"]


@pytest.mark.parametrize("text", ["", "[]", '{"name": "x"}', '{"name": "x", "pid": null}'])
def test_what_is_no_registration_is_passed_over(text: str, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(text)
    assert read_instance(tmp_path / "x.json") is None


def test_the_control_socket_fits_into_the_kernels_limit(tmp_path: Path) -> None:
    near, far = open_home(tmp_path), open_home(tmp_path / ("deep" * 30))
    assert near.control_socket.parent == near.run or len(str(near.run)) > LONGEST_SOCKET_PATH - 20
    assert len(str(far.control_socket)) <= LONGEST_SOCKET_PATH
    assert far.control_socket != open_home(tmp_path / ("deep" * 31)).control_socket


def test_what_was_started_is_remembered(tmp_path: Path) -> None:
    home = open_home(tmp_path)
    assert home.running() is None
    system = RunningSystem(("redis", "executor"), {"ports.base": "9000"}, "unix:///x")
    home.remember(system)
    assert home.running() == system


@pytest.mark.parametrize("content", ["{", "[]", "null", '{"programs": 5, "flags": [], "redis_url": 3}'])
def test_a_broken_note_on_the_running_system_is_none(tmp_path: Path, content: str) -> None:
    home = open_home(tmp_path)
    home.system.write_text(content)
    assert home.running() is None
