"""What `ironkeel up` shows: a live table on a terminal, a line for every change elsewhere."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from ironkeel.local.probe import ProcessView, SystemView
from ironkeel.local.verdicts import sentence
from libs.common.clock import iso
from libs.common.contracts.recovery import Phase
from libs.common.units import Instant

LAST_TRADES: Final = 5
LAST_LINES: Final = 8

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sight:
    """Everything on the screen at one moment; `note` is what lockstep waits for, or how long is left."""

    view: SystemView
    positions: Sequence[Row] = ()
    trades: Sequence[Row] = ()  # newest last
    note: str = ""
    log_lines: Sequence[str] = ()


class Screen(Protocol):
    def say(self, line: str) -> None: ...

    def show(self, sight: Sight) -> None: ...

    def close(self) -> None: ...


@dataclass(slots=True)
class PlainScreen:
    """One line a change, for logs and pipes."""

    console: Console
    summary_every: int = 30  # sights between two summaries
    _last: dict[str, str] = field(default_factory=dict)
    _open: dict[str, Row] = field(default_factory=dict)
    _trades: set[str] = field(default_factory=set)
    _sights: int = 0

    def say(self, line: str) -> None:
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def show(self, sight: Sight) -> None:
        for service in sight.view.services:
            self._changed(service.name, said_of(service))
        if sight.view.phase:
            self._changed("phase", f"{sight.view.phase}, entries {sight.view.entries}")
        self._show_positions(sight.positions)
        for trade in sight.trades:
            if trade["trade_id"] not in self._trades:
                self._trades.add(trade["trade_id"])
                self.say(f"closed {closing(trade)}")
        self._sights += 1
        if sight.view.phase and self._sights % self.summary_every == 0:
            self.say(summary(sight))

    def close(self) -> None:
        return None

    def _changed(self, name: str, now: str) -> None:
        if self._last.get(name) != now:
            self._last[name] = now
            self.say(f"{name}: {now}")

    def _show_positions(self, positions: Sequence[Row]) -> None:
        now = {row["position_id"]: row for row in positions}
        for known in now.keys() - self._open.keys():
            self.say(f"opened {opening(now[known])}")
        self._open = now


@dataclass(slots=True)
class LiveScreen:
    """Tables that are drawn again in place, with the newest lines under them."""

    console: Console
    title: str
    _lines: deque[str] = field(default_factory=lambda: deque(maxlen=LAST_LINES))
    _sight: Sight | None = None
    _live: Live | None = None

    def say(self, line: str) -> None:
        self._lines.extend(line.splitlines())
        self._draw()

    def show(self, sight: Sight) -> None:
        self._sight = sight
        self._draw()

    def close(self) -> None:
        if self._live:
            self._live.stop()
            self._live = None

    def _draw(self) -> None:
        if self._live is None:
            self._live = Live(console=self.console, auto_refresh=False)
            self._live.start()
        parts: list[Any] = [f"[bold]{escape(self.title)}[/bold]"]
        if self._sight:
            parts += [summary(self._sight), services_table(self._sight.view.services)]
            if self._sight.positions:
                parts.append(positions_table(self._sight.positions))
            if self._sight.trades:
                parts.append(trades_table(self._sight.trades[-LAST_TRADES:]))
            parts += [Text(line, style="dim", no_wrap=True, overflow="ellipsis") for line in self._sight.log_lines]
        parts += [escape(line) for line in self._lines]
        self._live.update(Group(*parts), refresh=True)


def summary(sight: Sight) -> str:
    """One line: phase, entries, market time, what is open, what waits."""
    view = sight.view
    parts = [view.phase or _without_phase(sight), f"entries {view.entries}" if view.entries else ""]
    if view.clock and view.clock.get("market_ms"):
        standing = ", at its end" if view.clock.get("ended") else ", standing" if view.clock.get("paused") else ""
        parts.append(f"market {iso(Instant(int(view.clock['market_ms']) // 1_000 * 1_000))}{standing}")
    parts.append(f"{len(sight.positions)} open" if view.phase else "")
    why = [str(reason) for reason in (view.status or {}).get("why") or ()]
    if view.phase == Phase.SEEKING_ENTRY:
        why.append(sentence(view.decisions))
    told = ", ".join(reason for reason in dict.fromkeys(why) if reason)
    parts += [f"not entering: {told}" if told else "", sight.note]
    return " · ".join(part for part in parts if part)


def _without_phase(sight: Sight) -> str:
    """What can be said while the executor, which knows the phase, does not answer; a note means a start under way."""
    if not sight.note and not any(service.ready or service.pid for service in sight.view.services):
        return "nothing is running here: start it with `ironkeel up`"
    executor = sight.view.named("executor")
    if sight.note or (executor and executor.pid and executor.port is None):
        return "starting"
    return "the executor does not answer"


def said_of(service: ProcessView) -> str:
    return "ready" if service.ready else service.why or "not ready"


def opening(row: Row) -> str:
    return f"{row['symbol']} {row['side']} {row['qty']} at {row['entry']}, stop {row.get('stop')}"


def closing(row: Row) -> str:
    return f"{row['symbol']} {row['side']} {row['pnl_usd']} USDT ({row['close_reason']})"


def services_table(services: Sequence[ProcessView]) -> Table:
    table = Table("service", "pid", "port", "state", "lag", box=None, pad_edge=False)
    for service in services:
        state = said_of(service)
        table.add_row(
            service.name,
            str(service.pid or "–"),
            str(service.port or "–"),
            f"[green]{state}[/green]" if service.ready else f"[yellow]{escape(state)}[/yellow]",
            "" if service.lag is None else str(service.lag),
        )
    return table


def positions_table(positions: Sequence[Row]) -> Table:
    table = Table("position", "side", "qty", "entry", "mark", "stop", "PnL", box=None, pad_edge=False)
    for row in positions:
        cells = (row.get(key) for key in ("symbol", "side", "qty", "entry", "mark", "stop", "unrealised_pnl"))
        table.add_row(*("–" if cell is None else str(cell) for cell in cells))
    return table


def trades_table(trades: Sequence[Row]) -> Table:
    table = Table("trade", "side", "PnL USDT", "why", "closed", box=None, pad_edge=False)
    for row in trades:
        closed = iso(Instant(int(row["closed_at"])))
        table.add_row(row["symbol"], str(row["side"]), str(row["pnl_usd"]), str(row["close_reason"]), closed)
    return table
