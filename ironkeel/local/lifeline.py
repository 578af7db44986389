"""Lifeline: stop the system when `ironkeel up` is gone, and start again what supervisord has given up.

Runs as supervisord's event listener. `ironkeel up` holds a lock that the kernel releases however it dies; a tick
that can take the lock is a tick without an owner, and nobody would see the system trade.
"""

import fcntl
import os
import signal
import sys
import xmlrpc.client
from pathlib import Path

from supervisor import childutils


def is_orphaned(lock: Path) -> bool:
    """True when nobody holds the lock that `ironkeel up` holds while it lives."""
    try:
        with lock.open() as held:
            fcntl.flock(held, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def start_again(payload: str) -> None:
    """Give a program that supervisord has given up a new row of retries."""
    told = childutils.get_headers(payload)
    name = f"{told['groupname']}:{told['processname']}"
    try:
        childutils.getRPCInterface(os.environ).supervisor.startProcess(name, False)
        print(f"program.revived name={name}", file=sys.stderr, flush=True)
    except (OSError, xmlrpc.client.Fault) as error:
        print(f"program.revival_failed name={name} error={error}", file=sys.stderr, flush=True)


def main() -> None:
    lock = Path(sys.argv[1])
    while True:
        headers, payload = childutils.listener.wait(sys.stdin, sys.stdout)
        if headers["eventname"] == "PROCESS_STATE_FATAL":
            start_again(payload)
        elif is_orphaned(lock):
            print("system.orphaned: ironkeel up is gone, stopping", file=sys.stderr, flush=True)
            os.kill(os.getppid(), signal.SIGTERM)
        childutils.listener.ok(sys.stdout)


if __name__ == "__main__":
    main()
