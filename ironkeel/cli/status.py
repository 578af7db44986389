"""`ironkeel status` and `ironkeel positions`: how the system is, within two seconds whatever is down."""

import asyncio
from functools import partial
from typing import Any

from ironkeel.cli.command import HomeOption, JsonOption, Target, ask, console, demand, print_json, refuse, say, target
from ironkeel.local.backups import snapshots
from ironkeel.local.probe import SystemView, look
from ironkeel.local.rest import LOOK_TIMEOUT_S, Rest
from ironkeel.local.screen import Sight, positions_table, services_table, summary


def status(home: HomeOption = None, json: JsonOption = False) -> None:
    """Show phase, entries, the market's clock and every process."""
    asked = target(home)
    sight = ask(asked, partial(_look, asked), timeout=LOOK_TIMEOUT_S)
    view = sight.view
    if json:
        print_json(as_json(view))
        return
    say(summary(sight))
    if view.status and view.status.get("evidence"):
        say(f"evidence: {evidence(view.status['evidence'])}")
    console().print(services_table(view.services))


async def _look(asked: Target, rest: Rest) -> Sight:
    view, positions = await asyncio.gather(
        look(asked.home, asked.settings, rest), rest.items("executor", "/v1/positions")
    )
    return Sight(view, positions or ())


def evidence(told: object) -> str:
    return ", ".join(f"{key} {value}" for key, value in told.items()) if isinstance(told, dict) else str(told)


def as_json(view: SystemView) -> dict[str, Any]:
    """The fixed form of `status --json`."""
    return {
        "phase": view.phase,
        "entries": view.entries,
        "clock": view.clock,
        "services": [
            {
                "name": each.name,
                "pid": each.pid,
                "port": each.port,
                "ready": each.ready,
                "why": each.why,
                "lag": each.lag,
            }
            for each in view.services
        ],
    }


def positions(home: HomeOption = None, json: JsonOption = False) -> None:
    """Show every open position with its stop."""
    asked = target(home)
    told = ask(asked, lambda rest: rest.get("executor", "/v1/positions"))
    if told is None and asked.home.path.is_dir() and snapshots(asked.home):
        refuse("executor does not answer: is the system up? The last snapshot: `ironkeel backup show`")
    told = demand(told, "executor")
    if json:
        print_json(told)
        return
    console().print(positions_table(told["items"]) if told["items"] else "no open position")
