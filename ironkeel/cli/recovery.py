"""`ironkeel recovery`: what was found at the starts, and a person's word on what the system would not decide."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer
from rich.table import Table

from ironkeel.cli.command import HomeOption, JsonOption, ask, console, demand, print_json, refuse, say, target
from ironkeel.local.rebuilding import rebuild_without_executor
from ironkeel.local.rest import Json, Rest
from libs.common.clock import SystemClock, iso
from libs.common.units import Instant

SETTLED_WITHIN_S: Final = 10.0
LOOK_S: Final = 0.2
REBUILT_WITHIN_S: Final = 60.0
RECOVERING: Final = 409  # HTTP: the executor is reading everything off the venue by itself
BROKEN: Final = 500  # HTTP: from here on the executor, or what it stands on, is not in order

recovery = typer.Typer(name="recovery", help="The recovery log, settling what needs a person, and a lost ledger.")


@recovery.command()
def status(home: HomeOption = None, json: JsonOption = False) -> None:
    """Show phase, session, tries, counts by action, the newest steps and every change of phase."""
    told = overview(home)
    if json:
        print_json(told)
        return
    day = told["last_24h"]
    say(f"recovery {'is running' if told['running'] else 'is done'}: phase {told['phase']}, {told['positions']} open")
    say(f"session {told['session_id']}")
    say(f"attempts {told['attempts']}, successes {told['successes']}, failures {told['failures']}")
    say(f"last 24 h: attempts {day['attempts']}, successes {day['successes']}, failures {day['failures']}")
    say("actions: " + (", ".join(f"{name} {count}" for name, count in told["counts"].items()) or "none"))
    for symbol, reason in told["reviews"].items():
        say(f"waits for a person: {symbol or 'the account'}: {reason}")
    console().print(steps("newest steps", told["events"][:10]), markup=False)
    console().print(steps("phases", told["history"][:10]), markup=False)


@recovery.command()
def accept(
    symbol: Annotated[str | None, typer.Argument(help="Only this symbol; all without one.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Take the venue's state as true where the system asked for a person; waits until that is settled."""
    asked = target(home)
    waiting = overview(home)["reviews"]
    if symbol and symbol not in waiting:
        names = ", ".join(name or "the account" for name in waiting) or "nothing"
        refuse(f"{symbol} does not wait for a person; {names} does")
    body = {"symbol": symbol, "by": "cli"} if symbol else {"by": "cli"}
    told = _done(ask(asked, lambda rest: rest.post("executor", "/v1/recovery/accept", body)))
    settled = [symbol] if symbol else list(waiting)
    if not ask(asked, partial(_until_settled, settled)):
        refuse(f"not settled within {SETTLED_WITHIN_S:g} s: see `ironkeel recovery status`")
    if json:
        print_json({**told, "accepted": settled})
    else:
        say("accepted " + (", ".join(name or "the account" for name in settled) or "everything: nothing waited"))


@recovery.command()
def rebuild(home: HomeOption = None, json: JsonOption = False) -> None:
    """Read an empty or deleted ledger off the venue: positions, trades, and orders by their names.

    Through the executor where one runs; else directly, with the trading keys of the configuration. Only reads there.
    """
    asked = target(home)
    answer = ask(asked, _rebuild)
    told = rebuild_without_executor(asked.home, asked.settings) if answer is None else _done(answer)
    if json:
        print_json(told)
        return
    for what in ("orders", "executions", "trades"):
        say(f"{what}: {told[what]}, {told[f'{what}_added']} of them read now")
    say(f"positions: {told['positions']} open")


@recovery.command()
def export(
    out: Annotated[Path | None, typer.Option(help="File to write; the screen without one.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Write everything that is known of recoveries as one JSON report: overview, positions and the whole log."""
    report = _report(home)
    if out is None:
        print_json(report)
        return
    out.write_bytes(orjson.dumps(report, option=orjson.OPT_INDENT_2))
    if json:
        print_json({"written": str(out), "events": len(report["events"])})
    else:
        say(f"written to {out}")


@recovery.command()
def clear(home: HomeOption = None, json: JsonOption = False) -> None:
    """Empty the log; positions, orders and reviews are not touched."""
    told = _done(ask(target(home), lambda rest: rest.post("executor", "/v1/recovery/clear")))
    if json:
        print_json(told)
    else:
        say(f"cleared: {told['cleared']} steps")


@recovery.command(name="test")
def probe(home: HomeOption = None, json: JsonOption = False) -> None:
    """Write a probe into the real log and read it back."""
    told = _done(ask(target(home), lambda rest: rest.post("executor", "/v1/recovery/test")))
    if json:
        print_json(told)
    else:
        say(f"the log works: step {told['id']} was written and read back in {told['took_ms']} ms")


def overview(home: Path | None) -> Json:
    """Figures, newest steps and phases, without the pages of the log."""
    told = demand(ask(target(home), lambda rest: rest.get("executor", "/v1/recovery", limit=1)), "executor")
    return {key: value for key, value in told.items() if key not in {"items", "next"}}


def steps(title: str, rows: list[Json]) -> Table:
    table = Table("when", "kind", "action", "phase", title, box=None, pad_edge=False)
    for row in rows:
        table.add_row(iso(Instant(int(row["wall"]))), row["kind"], row["action"], row["phase"], row["text"])
    return table


def _report(home: Path | None) -> dict[str, Any]:
    """One document; nothing in it may be missing unsaid."""
    asked = target(home)

    async def everything(rest: Rest) -> tuple[Json | None, list[Json] | None, list[Json] | None]:
        return await asyncio.gather(
            rest.get("executor", "/v1/status"),
            rest.items("executor", "/v1/recovery"),
            rest.items("executor", "/v1/positions"),
        )

    told = overview(home)
    status, events, positions = ask(asked, everything)
    if status is None or events is None or positions is None:
        refuse("the executor stopped answering in the middle: nothing was written")
    return {
        "exported_at": SystemClock().now(),
        "home": str(asked.home.path),
        **told,
        "status": status,
        "open_positions": positions,
        "events": events,
    }


def _done(answer: tuple[int, Json] | None) -> Json:
    """What the executor did; the system said no when it did not."""
    if answer is None:
        return demand(None, "executor")
    code, body = answer
    if code >= 400:
        refuse(f"the executor refused ({code}): {body.get('detail', body)}")
    return body


async def _until_settled(symbols: list[str], rest: Rest) -> bool:
    clock = SystemClock()
    deadline = clock.monotonic_ms() + SETTLED_WITHIN_S * 1_000
    while clock.monotonic_ms() < deadline:
        told = await rest.get("executor", "/v1/recovery", limit=1)
        if told is not None and not set(symbols) & set(told["reviews"]):
            return True
        await clock.sleep(LOOK_S)
    return False


async def _rebuild(rest: Rest) -> tuple[int, Json] | None:
    """What the executor answers; one that is starting, or whose ledger is gone and who starts again, is waited for."""
    clock = SystemClock()
    deadline = clock.monotonic_ms() + REBUILT_WITHIN_S * 1_000
    was_there = False
    while True:
        answer = await rest.post("executor", "/v1/recovery/rebuild", timeout=REBUILT_WITHIN_S)
        busy = answer is not None and (answer[0] == RECOVERING or answer[0] >= BROKEN)
        was_there = was_there or busy
        if not (busy or (answer is None and was_there)) or clock.monotonic_ms() >= deadline:
            return answer
        await clock.sleep(LOOK_S)
