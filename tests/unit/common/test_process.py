import asyncio
import os
import signal
import subprocess
import sys

import pytest

from libs.common.errors import Fatal, Misconfigured
from libs.common.process import BROKEN, MISCONFIGURED, STOPPED, instance_name, outcome


def test_a_main_that_ends_by_itself_has_stopped() -> None:
    async def main() -> None:
        return

    assert outcome(main, service="trailing") == STOPPED


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_main_clean_up_and_counts_as_stopped(number: signal.Signals) -> None:
    cleaned: list[str] = []

    async def main() -> None:
        try:
            os.kill(os.getpid(), number)
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned.append("done")

    assert outcome(main, service="trailing") == STOPPED
    assert cleaned == ["done"]


def test_a_wrong_setting_is_one_clear_line_and_exit_2(capsys: pytest.CaptureFixture[str]) -> None:
    async def main() -> None:
        raise Misconfigured("redis.url: no such scheme")

    assert outcome(main, service="trailing") == MISCONFIGURED
    assert capsys.readouterr().err == "trailing: redis.url: no such scheme\n"


def test_a_process_that_has_ended_is_gone_at_once_with_all_that_it_said() -> None:
    script = """
import atexit, threading
from libs.common.errors import Misconfigured
from libs.common.process import run
atexit.register(threading.Event().wait)
async def main():
    print("the last word")
    raise Misconfigured("redis.url: no such scheme")
run(main, service="trailing")
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert ended.returncode == MISCONFIGURED
    assert ended.stdout == "the last word\n"
    assert ended.stderr == "trailing: redis.url: no such scheme\n"


@pytest.mark.parametrize("error", [Fatal("two positions on one symbol"), ZeroDivisionError("a bug")])
def test_a_broken_belief_and_a_bug_are_exit_1(error: Exception) -> None:
    async def main() -> None:
        raise error

    assert outcome(main, service="trailing") == BROKEN


def test_a_wrong_setting_is_found_among_errors_raised_together() -> None:
    async def fail(error: Exception) -> None:
        raise error

    async def main() -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(fail(Fatal("broken")))
            tasks.create_task(fail(Misconfigured("wrong")))

    assert outcome(main, service="trailing") == MISCONFIGURED


def test_an_instance_is_named_as_told_or_after_its_service() -> None:
    assert instance_name("fetcher", "fetcher-2") == "fetcher-2"
    assert instance_name("fetcher", "").startswith("fetcher-")


def test_what_a_settled_process_made_is_not_looked_at_again_but_later_garbage_is() -> None:
    script = """
import gc, weakref
from libs.common.process import settle
class Node: pass
kept = [Node() for _ in range(1_000)]
before = len(gc.get_objects())
settle()
assert len(gc.get_objects()) < before - 1_000, "it would be looked at again"
later = Node(); later.itself = later
gone = weakref.ref(later); del later
gc.collect()
assert gone() is None
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
