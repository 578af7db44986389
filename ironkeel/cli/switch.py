"""The kill switch from the command line: pause, resume, halt, flatten, detach, close.

Through the executor while it can be told; otherwise by the emergency stop, which needs nothing of ours to run: the
executor may be down, or alive without the Redis that would carry the command.
"""

import asyncio
from functools import partial
from typing import Annotated, Final

import typer

from ironkeel.cli.command import HomeOption, JsonOption, Target, ask, demand, print_json, refuse, say, target
from ironkeel.cli.emergency import EmergencyStop, with_venue, write_level
from ironkeel.local.rest import Json, Rest
from libs.common.clock import SystemClock
from libs.common.errors import Transient
from libs.common.exchange import Trading
from services.executor.core.switch import Level, parse_halt

FLAT_LOOK_S: Final = 0.5
UNAVAILABLE: Final = 503  # HTTP: the executor lives, but no command gets through to it
ReasonOption = Annotated[str, typer.Option(help="Why: it is shown wherever the switch is.")]


def pause(reason: ReasonOption = "by hand", home: HomeOption = None, json: JsonOption = False) -> None:
    """Enter nothing more; open positions are managed on."""
    asked = target(home)
    answer = _post(asked, "/v1/entries/pause", reason)
    if answer is None:
        write_level(asked.home, Level.PAUSED, reason=reason)
    _told(answer, json, otherwise="the executor cannot be told: HALT is on disk, nothing will be entered")


def resume(
    halted: Annotated[bool, typer.Option("--halted", help="Clear halt, flatten and detach too.")] = False,
    reason: ReasonOption = "by hand",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Enter again: clears a pause; with --halted everything."""
    asked = target(home)
    if asked.home.halt.exists() and (
        halted or parse_halt(asked.home.halt.read_text("utf-8", "replace")) is Level.PAUSED
    ):
        asked.home.halt.unlink()
    answer = ask(asked, lambda rest: rest.post("executor", "/v1/entries/resume", {"halted": halted, **_by(reason)}))
    _told(_accepted(answer), json, otherwise=None)


def halt(reason: ReasonOption = "by hand", home: HomeOption = None, json: JsonOption = False) -> None:
    """Enter nothing more and cancel working entries."""
    asked = target(home)
    answer = _post(asked, "/v1/halt", reason)
    if answer is None:
        write_level(asked.home, Level.HALTED, reason=reason)
        say("the executor cannot be told: HALT is on disk, speaking to the venue")
        asyncio.run(with_venue(asked.settings, SystemClock(), lambda trading: _stop(asked, trading).cancel_entries()))
    _told(answer, json, otherwise="halted")


def flatten(
    reason: ReasonOption = "by hand",
    within: Annotated[float, typer.Option(min=1, help="Seconds to wait until flat.")] = 60,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Close every position, reduce-only; waits until flat. Entries stay halted."""
    asked = target(home)
    answer = _post(asked, "/v1/flatten", reason)
    if answer is None:
        write_level(asked.home, Level.HALTED, reason=reason)
        say("the executor cannot be told: HALT is on disk, speaking to the venue")
        asyncio.run(with_venue(asked.settings, SystemClock(), partial(_flatten_at_venue, asked)))
    elif not ask(asked, partial(_until_flat, within=within)):
        refuse(f"not flat within {within:g} s: see `ironkeel positions`")
    _told(answer, json, otherwise=None)
    if not json:
        say("flat")


def detach(reason: ReasonOption = "by hand", home: HomeOption = None, json: JsonOption = False) -> None:
    """Stop managing: positions and their stops stay at the venue."""
    asked = target(home)
    answer = _post(asked, "/v1/detach", reason)
    if answer is None:
        write_level(asked.home, Level.DETACHED, reason=reason)
    _told(answer, json, otherwise="the executor cannot be told: HALT is on disk, nothing will be managed")


def close(
    symbol: Annotated[str, typer.Argument(help="Venue id, such as BTCUSDT.")],
    reason: ReasonOption = "by hand",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Close one position, reduce-only."""
    asked = target(home)
    answer = ask(asked, lambda rest: rest.post("executor", f"/v1/positions/{symbol}/close", _by(reason)))
    _told(_accepted(answer), json, otherwise=None)


def _by(reason: str) -> dict[str, object]:
    return {"by": "cli", "reason": reason}


def _post(asked: Target, path: str, reason: str) -> Json | None:
    """The executor's acceptance; None when it cannot be told and the emergency stop must act."""
    answer = ask(asked, lambda rest: rest.post("executor", path, _by(reason)))
    return None if answer is None or answer[0] == UNAVAILABLE else _accepted(answer)


def _accepted(answer: tuple[int, Json] | None) -> Json:
    if answer is None:
        return demand(None, "executor")
    code, body = answer
    if code >= 400:
        refuse(f"the executor refused ({code}): {body.get('detail', body)}")
    return body


def _told(answer: Json | None, json: bool, *, otherwise: str | None) -> None:
    if json:
        print_json(answer or {"emergency": True})
    elif answer is not None:
        say(f"accepted {answer.get('id', '')}".strip())
    elif otherwise:
        say(otherwise)


async def _until_flat(rest: Rest, *, within: float) -> bool:
    clock = SystemClock()
    deadline = clock.monotonic_ms() + within * 1_000
    while clock.monotonic_ms() < deadline:
        told = await rest.get("executor", "/v1/positions")
        if told is not None and not told["items"]:
            return True
        await clock.sleep(FLAT_LOOK_S)
    return False


def _stop(asked: Target, trading: Trading) -> EmergencyStop:
    return EmergencyStop(trading, SystemClock(), recv_window_ms=asked.settings.exchange.recv_window_ms, say=say)


async def _flatten_at_venue(asked: Target, trading: Trading) -> None:
    stop = _stop(asked, trading)
    await stop.cancel_entries()
    if not await stop.flatten():
        raise Transient("the venue still reports positions: their stops stand there; try again")
