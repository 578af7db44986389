"""`ironkeel status` and `ironkeel positions`: how the system is, within two seconds whatever is down."""

from dataclasses import replace
from typing import Any

from ironkeel.cli.command import HomeOption, JsonOption, ask, console, demand, print_json, say, target
from ironkeel.local.probe import SystemView, look
from ironkeel.local.rest import LOOK_TIMEOUT_S
from ironkeel.local.screen import Sight, positions_table, services_table, summary


def status(home: HomeOption = None, json: JsonOption = False) -> None:
    """Show phase, entries, the market's clock and every process."""
    asked = target(home)
    view = ask(asked, lambda rest: look(asked.home, asked.settings, rest), timeout=LOOK_TIMEOUT_S)
    if json:
        print_json(as_json(view))
        return
    say(summary(Sight(view)))
    if view.status and view.status.get("evidence"):
        say(f"evidence: {evidence(view.status['evidence'])}")
    console().print(services_table([replace(each, progress={}) for each in view.services]))


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
    told = demand(ask(target(home), lambda rest: rest.get("executor", "/v1/positions")), "executor")
    if json:
        print_json(told)
        return
    console().print(positions_table(told["items"]) if told["items"] else "no open position")
