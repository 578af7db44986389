"""How a process starts and ends: one loop, one way out, an exit code that says whose turn it is.

0: told to stop. 1: something we rely on is broken (Fatal, or a bug). 2: a setting or an argument must be changed.
"""

import asyncio
import gc
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator
from typing import Final, NoReturn

import structlog

from libs.common.errors import Fatal, Misconfigured

log = structlog.get_logger()

STOPPED: Final = 0
BROKEN: Final = 1
MISCONFIGURED: Final = 2

Main = Callable[[], Awaitable[None]]


def run(main: Main, *, service: str) -> NoReturn:
    """Run `main` until it ends or SIGTERM or SIGINT asks it to, then exit with the code above.

    The process goes at once: every `finally` of ours has run, and taking an exchange library apart object by object
    takes the interpreter seconds on a busy machine, longer than whoever stops us waits before it kills.
    """
    code = outcome(main, service=service)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def outcome(main: Main, *, service: str) -> int:
    """Run `main` to its end on a fast loop and return the exit code; must be called from the main thread."""
    with asyncio.Runner(loop_factory=_fast_loop()) as runner:
        try:
            runner.run(_until_told_to_stop(main))
        except BaseExceptionGroup as group:
            return _judge(_gravest(group), service)
        except Exception as error:  # noqa: BLE001 the one place where anything may arrive: to be said, not swallowed
            return _judge(error, service)
    log.info("process.stopped", service=service)
    return STOPPED


def settle() -> None:
    """Call once when a process has made what it keeps: the garbage collector will not look at any of it again.

    A look at all that the libraries made stops the process for 30 to 60 ms, whenever something else has grown enough.
    """
    gc.collect()
    gc.freeze()


def instance_name(service: str, given: str) -> str:
    """The name of this process among its replicas: the given one, else service-host-pid."""
    return given or f"{service}-{socket.gethostname()}-{os.getpid()}"


async def _until_told_to_stop(main: Main) -> None:
    """Cancel `main` at the first signal, so that its own `finally`s let go of everything in order."""
    work = asyncio.ensure_future(main())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, work.cancel)
    try:
        await work
    except asyncio.CancelledError:
        log.info("process.asked_to_stop")
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def _judge(error: BaseException, service: str) -> int:
    if isinstance(error, Misconfigured):
        sys.stderr.write(f"{service}: {error}\n")
        return MISCONFIGURED
    if isinstance(error, Fatal):
        log.critical("process.failed", service=service, reason=str(error))
    else:
        log.critical("process.failed", service=service, reason=repr(error), exc_info=error)
    return BROKEN


def _gravest(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Of errors raised together, the one that tells the user most: a wrong setting, then a bug or a broken belief."""
    leaves = list(_leaves(group))
    return next((error for error in leaves if isinstance(error, Misconfigured)), leaves[0])


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for part in error.exceptions:
            yield from _leaves(part)
    else:
        yield error


def _fast_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop halves CPU and latency of the bus; where it does not exist (Windows), the plain loop."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
