"""`ironkeel recovery`: what was found at the last start, and a person's word on what the system would not decide."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.table import Table

from ironkeel.cli.command import HomeOption, JsonOption, ask, console, demand, print_json, refuse, say, target
from ironkeel.local.rest import Json
from libs.common.clock import iso
from libs.common.units import Instant

recovery = typer.Typer(name="recovery", help="The recovery log, and settling what needs a person.")


@recovery.command()
def status(home: HomeOption = None, json: JsonOption = False) -> None:
    """Show phase, session, counts by action and the newest events."""
    told = report(home)
    if json:
        print_json(told)
        return
    say(f"phase {told['phase']}, {told['positions']} open, session {told['session_id']}")
    say("actions: " + (", ".join(f"{name} {count}" for name, count in told["counts"].items()) or "none"))
    table = Table("when", "action", "phase", "what", box=None, pad_edge=False)
    for event in told["events"][:10]:  # newest first
        when = event.get("wall") or event.get("sent") or event.get("at")
        table.add_row(
            iso(Instant(int(when))) if when else "",
            str(event.get("action", "")),
            str(event.get("phase", "")),
            str(event.get("findings") or event.get("text") or ""),
        )
    console().print(table, markup=False)


@recovery.command()
def accept(
    symbol: Annotated[str | None, typer.Argument(help="Only this symbol; all without one.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Take the venue's state as true where the system asked for a person."""
    body = {"symbol": symbol, "by": "cli"} if symbol else {"by": "cli"}
    answer = ask(target(home), lambda rest: rest.post("executor", "/v1/recovery/accept", body))
    if answer is None:
        demand(None, "executor")
    elif answer[0] >= 400:
        refuse(f"the executor refused ({answer[0]}): {answer[1].get('detail', answer[1])}")
    elif json:
        print_json(answer[1])
    else:
        say(f"accepted {symbol or 'all symbols'}")


@recovery.command()
def export(
    out: Annotated[Path | None, typer.Option(help="File to write; the screen without one.")] = None,
    home: HomeOption = None,
) -> None:
    """Write the whole log as one JSON report."""
    told = report(home)
    if out is None:
        print_json(told)
    else:
        out.write_bytes(orjson.dumps(told, option=orjson.OPT_INDENT_2))
        say(f"written to {out}")


@recovery.command()
def clear(home: HomeOption = None) -> None:
    """Empty the log; positions, orders and reviews are not touched."""
    answer = ask(target(home), lambda rest: rest.post("executor", "/v1/recovery/clear", {"by": "cli"}))
    if answer is None:
        demand(None, "executor")
    elif answer[0] >= 400:
        refuse(f"the executor refused ({answer[0]}): {answer[1].get('detail', answer[1])}")
    say("cleared")


def report(home: Path | None) -> Json:
    """Everything that is known of recoveries: log, counts by action, phase and session."""
    asked = target(home)
    status = demand(ask(asked, lambda rest: rest.get("executor", "/v1/status")), "executor")
    events = ask(asked, lambda rest: rest.items("executor", "/v1/recovery")) or []
    positions = ask(asked, lambda rest: rest.items("executor", "/v1/positions")) or []
    return {
        "phase": status.get("phase"),
        "entries": status.get("entries"),
        "session_id": status.get("session_id"),
        "positions": len(positions),
        "counts": dict(Counter(str(event["action"]) for event in events if event.get("action"))),
        "events": events,
    }
