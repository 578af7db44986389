"""Rebuild: fill an empty ledger from the venue and say what is in it; sends nothing and needs no Redis.

For when no executor runs; one that runs does the same at its start, and when it is asked to.
"""

import sys
from collections.abc import Mapping

import orjson

from libs.common.clock import SystemClock
from libs.common.errors import Fatal, Transient
from libs.common.health import Health
from libs.common.locks.memory import MemoryLocks, MemoryLockServer
from libs.common.logs import configure_logs
from libs.common.process import instance_name, run
from services.executor.adapters.ledger import Ledger
from services.executor.adapters.venue import open_trading
from services.executor.settings import ExecutorSettings
from services.executor.shell.books import Books
from services.executor.shell.desk import Desk
from services.executor.shell.rebuild import Rebuild
from services.executor.shell.reconciler import Reconciler
from services.executor.shell.sender import Sender

NAME = "executor-rebuild"


async def main() -> None:
    settings = ExecutorSettings.load()
    configure_logs(NAME, settings.service)
    told = await rebuilt(settings)
    sys.stdout.write(orjson.dumps(told).decode() + "\n")


async def rebuilt(settings: ExecutorSettings) -> Mapping[str, int]:
    """Read everything off the venue into the ledger. Raises Fatal when the venue or the ledger does not answer."""
    name, home, clock = instance_name(NAME, settings.service.instance), settings.service.home, SystemClock()
    ledger = Ledger.open(settings.executor.ledger_url.get_secret_value(), home=home)
    # Nothing is sent, so there is nothing to lock or to publish: what is to be told waits in the ledger's outbox.
    locks = MemoryLocks(MemoryLockServer(clock))
    try:
        async with open_trading(settings.endpoint, settings.keys, clock, name) as trading:
            await trading.server_time()
            desk = Desk(trading, ledger, locks, clock, settings.figures, name, Health("executor", name))
            with desk.write() as pages:
                desk.session_id = pages.begin_session(name, now=clock.now()).session_id
            books = Books(desk)
            told = await Rebuild(desk, books, Reconciler(desk, books, Sender(desk, books))).run()
            with desk.write() as pages:
                pages.end_session(desk.session_id, now=clock.now())
            return told
    except Transient as error:
        raise Fatal(f"not everything could be read: {error}") from error
    finally:
        ledger.close()


if __name__ == "__main__":
    run(main, service=NAME)
