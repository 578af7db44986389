"""`ironkeel doctor`: is this machine fit to run Ironkeel, and if not, what to do."""

import asyncio
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from random import Random
from typing import Final

import typer

from ironkeel.cli.command import SAID_NO, HomeOption, JsonOption, Target, print_json, say, target
from ironkeel.local.home import is_alive
from ironkeel.local.preflight import check_market, check_ports
from ironkeel.local.programs import PAPER_EXCHANGE, SERVICES
from ironkeel.local.redis_server import choose_server
from libs.common.budget.local import LocalBudget
from libs.common.clock import SystemClock
from libs.common.errors import Misconfigured, TradingError
from libs.common.exchange.endpoints import endpoint
from libs.common.settings.sections import Venue

LEAST_DISK_BYTES: Final = 2 * 10**9
LEAST_PYTHON: Final = (3, 11)


@dataclass(frozen=True, slots=True)
class Finding:
    what: str
    ok: bool
    text: str


def doctor(home: HomeOption = None, json: JsonOption = False) -> None:
    """Check Python, ports, Redis, home, disk, market and venue; exit 1 if anything is wrong."""
    findings = list(examine(target(home)))
    if json:
        print_json({"ok": all(each.ok for each in findings), "findings": [asdict(each) for each in findings]})
    else:
        for each in findings:
            say(f"{'ok   ' if each.ok else 'WRONG'} {each.what}: {each.text}")
    if not all(each.ok for each in findings):
        raise typer.Exit(SAID_NO)


def examine(asked: Target) -> Iterator[Finding]:
    """Look at everything; nothing is changed but that the home is created."""
    yield python()
    yield home_folder(asked)
    yield disk(asked)
    yield redis(asked)
    yield ports(asked)
    yield market(asked)
    if asked.settings.exchange.venue is not Venue.PAPER:
        yield venue(asked)


def python() -> Finding:
    version = ".".join(str(part) for part in sys.version_info[:3])
    return Finding("python", sys.version_info >= LEAST_PYTHON, f"{version}; 3.11 or later is needed")


def home_folder(asked: Target) -> Finding:
    try:
        asked.home.make()
    except Misconfigured as error:
        return Finding("home", False, str(error))
    writable = os.access(asked.home.path, os.W_OK)
    return Finding("home", writable, f"{asked.home.path} {'can' if writable else 'cannot'} be written")


def disk(asked: Target) -> Finding:
    place = asked.home.path if asked.home.path.exists() else asked.home.path.parent
    if not place.exists():
        return Finding("disk", False, f"{place} does not exist")
    free = shutil.disk_usage(place).free
    return Finding("disk", free >= LEAST_DISK_BYTES, f"{free / 1e9:.1f} GB free; 2 are needed")


def redis(asked: Target) -> Finding:
    if asked.settings.redis.url.get_secret_value():
        return Finding("redis", True, "redis.url is set: a server of your own")
    try:
        server = choose_server(asked.home.path)
    except Misconfigured as error:
        return Finding("redis", False, str(error))
    return Finding("redis", True, f"{server} at {server.path}")


def ports(asked: Target) -> Finding:
    if any(is_alive(each.pid) for each in asked.home.instances()):
        return Finding("ports", True, "the system of this home is running on them")
    paper = (PAPER_EXCHANGE,) if asked.settings.exchange.venue is Venue.PAPER else ()
    try:
        check_ports(asked.settings, (*paper, *SERVICES))
    except Misconfigured as error:
        return Finding("ports", False, str(error))
    return Finding("ports", True, f"free from {asked.settings.ports.base} on")


def market(asked: Target) -> Finding:
    try:
        check_market(asked.settings)
    except Misconfigured as error:
        return Finding("market", False, str(error))
    venue = asked.settings.exchange.venue
    return Finding("market", True, asked.settings.paper.market if venue is Venue.PAPER else venue.value)


def venue(asked: Target) -> Finding:
    """Whether the venue lists anything: no key is needed for that."""

    from libs.common.exchange.ccxt_feed import CcxtFeed  # ccxt costs a second: only who needs it pays

    async def count() -> int:
        clock, dice = SystemClock(), Random(0)  # noqa: S311
        where = endpoint(asked.settings.exchange, asked.settings.ports)
        feed = CcxtFeed(where, clock, dice, LocalBudget(clock, dice))
        try:
            return len(await feed.instruments())
        finally:
            await feed.close()

    try:
        return Finding("venue", True, f"{asked.settings.exchange.venue.value} lists {asyncio.run(count())} perpetuals")
    except TradingError as error:
        return Finding("venue", False, f"{asked.settings.exchange.venue.value} cannot be reached: {error}")
