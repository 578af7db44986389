"""Safety measures that can be switched off in a forked executor, by name, to show that the oracle sees it.

Each patches the product inside the child, after the fork and before anything runs; the product has no switches.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from libs.common.clock import SystemClock
from libs.common.contracts.bounds import LATEST
from libs.common.contracts.commands import PositionCommand
from libs.common.contracts.signals import SignalMade
from libs.common.exchange.trading_types import Ambiguous, OrderRequest, Outcome, Stamp
from libs.common.ids import ENTRY, OrderName
from libs.common.units import MINUTE_MS, Instant, Symbol
from services.executor.adapters.intent_rows import IntentRows
from services.executor.adapters.ledger import Pages
from services.executor.core.admission import Standing
from services.executor.core.intent import Intent
from services.executor.core.kept import Kept
from services.executor.core.order import OrderEvent
from services.executor.service import Executor
from services.executor.shell import entries, sender
from services.executor.shell.books import Books
from services.executor.shell.commands import Commands
from services.executor.shell.desk import Desk, Grip
from services.executor.shell.entries import Entries
from services.executor.shell.outbox import Outbox
from services.executor.shell.sender import Sender

WIDE_MS: Final = 60_000  # a receive window that no delay of ours outlasts


def names_by_count() -> None:
    """Every wish has a name of its own, as where a counter or chance makes it up: a replay is somebody new."""
    count, told = [os.getpid() % 500], entries.intent_of

    def entry_name(signal: SignalMade) -> OrderName:
        return OrderName(signal.symbol, Instant(signal.slot + count[0] * MINUTE_MS), ENTRY)

    def intent_of(*args: Any, **said: Any) -> Intent:
        count[0] += 1
        return told(*args, **said)

    _put(entries, "entry_name", entry_name)
    _put(entries, "intent_of", intent_of)


def intent_after_the_request() -> None:
    """The venue is asked first, and what was asked for is written down when it has answered."""
    waiting: dict[str, Intent] = {}
    keep, send, answered = IntentRows.add_intent, Sender.send, Sender._answered

    def add_intent(_self: Pages, intent: Intent) -> None:
        waiting[intent.link_id] = intent

    async def asked_first(self: Sender, intent: Intent, grip: Grip) -> Intent:
        try:
            return await send(self, intent, grip)
        finally:
            waiting.pop(intent.link_id, None)

    def written_then(self: Sender, intent: Intent, outcome: Outcome) -> Intent:
        late = waiting.pop(intent.link_id, None)
        if late is not None:
            with self._desk.write() as pages:
                if pages.intent(late.link_id) is None:
                    keep(pages, late)
        return answered(self, intent, outcome)

    _put(IntentRows, "add_intent", add_intent)
    _put(Sender, "send", asked_first)
    _put(Sender, "_answered", written_then)


def nothing_is_stale() -> None:
    """A signal is good for ever."""
    handle = Entries.handle

    async def at_any_time(self: Entries, delivery: Any, signal: SignalMade, bus: Any) -> None:
        await handle(self, delivery, signal.model_copy(update={"valid_until": Instant(LATEST)}), bus)

    _put(Entries, "handle", at_any_time)


def every_symbol_is_free() -> None:
    """Nobody asks what is open on the symbol, what is under way there, or what may still arrive."""
    standing = Entries._standing

    def free(self: Entries, pages: Pages, signal: SignalMade, *rest: Any) -> Standing:
        seen = standing(self, pages, signal, *rest)
        return replace(seen, taken=seen.taken - {signal.symbol}, busy=False)

    def at_rest(_self: Desk, _pages: Pages, _symbol: Symbol) -> int:
        return 0

    _put(Entries, "_standing", free)
    _put(Desk, "rest_ms", at_rest)


def silence_is_a_refusal() -> None:
    """Who does not answer has said no."""
    answered, end_of = Sender._answered, Sender._end_of

    def refused(self: Sender, intent: Intent, outcome: Outcome) -> Intent:
        if isinstance(outcome, Ambiguous):
            return self._record(intent, OrderEvent.REFUSED, outcome.text)
        return answered(self, intent, outcome)

    async def at_its_end(self: Sender, intent: Intent, outcome: Outcome) -> Intent:
        return intent if isinstance(outcome, Ambiguous) else await end_of(self, intent, outcome)

    _put(Sender, "_answered", refused)
    _put(Sender, "_end_of", at_its_end)


def no_fence() -> None:
    """Whoever once had a symbol goes on writing about it."""
    standing = Entries._standing

    def mine(self: Entries, *seen: Any) -> Standing:
        return replace(standing(self, *seen), fence_is_ours=True)

    def passes(_self: Pages, _symbol: Symbol, _number: int) -> None: ...

    _put(Entries, "_standing", mine)
    _put(IntentRows, "check_fence", passes)


def late_is_in_time() -> None:
    """A request is dated when it is sent, and good for a minute."""

    def stamp(_self: Grip) -> Stamp:
        return Stamp(SystemClock().now(), WIDE_MS)

    _put(Grip, "stamp", stamp)


def entries_without_stop() -> None:
    """The stop follows when the position is seen."""
    request_of = sender.request_of

    def bare(intent: Intent) -> OrderRequest:
        return replace(request_of(intent), stop_loss=None)

    _put(sender, "request_of", bare)


def commands_by_symbol() -> None:
    """A command is about whatever is open on its symbol."""

    def named(self: Commands, command: PositionCommand) -> Kept | None:
        with self._desk.ledger.read() as pages:
            return pages.open_position(command.symbol)

    _put(Commands, "_named", named)


def events_from_memory() -> None:
    """What was not told before a crash is not told after it."""
    begin = Executor.begin

    def forgetful(self: Executor) -> Any:
        with self.desk.ledger.write() as pages:
            waiting = pages.waiting(owner=self.desk.instance, orphaned_before=Instant(LATEST), limit=10_000)
            pages.published([one.seq for one in waiting], now=self.desk.clock.now())
        return begin(self)

    async def no_healing(_self: Outbox) -> None: ...

    _put(Executor, "begin", forgetful)
    _put(Outbox, "heal", no_healing)


def frames_alone() -> None:
    """What the stream does not tell has not happened."""

    async def catch_up(_self: Books, **_about: Any) -> int:
        return 0

    _put(Books, "catch_up", catch_up)


def _put(owner: object, name: str, by: object) -> None:
    assert hasattr(owner, name), f"{owner} has no {name} any more"
    setattr(owner, name, by)


MUTATIONS: Final[Mapping[str, Callable[[], None]]] = {
    "deterministic id": names_by_count,
    "intent before POST": intent_after_the_request,
    "freshness": nothing_is_stale,
    "free gate": every_symbol_is_free,
    "UNKNOWN": silence_is_a_refusal,
    "fencing": no_fence,
    "late-request refusal": late_is_in_time,
    "stop on entry": entries_without_stop,
    "position named in commands": commands_by_symbol,
    "outbox": events_from_memory,
    "catch-up": frames_alone,
}
