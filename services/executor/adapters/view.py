"""What the REST interface shows of a running executor: built from the ledger and from what was last heard."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final, Protocol

from pydantic import JsonValue

from libs.common.clock import Clock, MarketClock
from libs.common.contracts.market import PriceMoved
from libs.common.contracts.recovery import Phase
from libs.common.exchange.trading_types import VenuePosition, Wallet
from libs.common.units import DAY_MS, ZERO, Instant, Symbol, Usd
from services.executor.adapters.journal_rows import PHASE
from services.executor.adapters.ledger import Ledger, Pages
from services.executor.adapters.list_rows import shown
from services.executor.core.figures import booked
from services.executor.core.kept import PositionStatus
from services.executor.core.recovery import WHOLE_ACCOUNT
from services.executor.core.switch import Level, SwitchState

Json = dict[str, JsonValue]
RECENT: Final = 20  # steps of the recovery log in its overview
HISTORY: Final = 50  # changes of phase in it


class Running(Protocol):
    """The executor's desk, as far as readers need it."""

    @property
    def ledger(self) -> Ledger: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def market(self) -> MarketClock: ...
    @property
    def phase(self) -> Phase: ...
    @property
    def session_id(self) -> str: ...
    @property
    def instance(self) -> str: ...
    @property
    def clock_offset_ms(self) -> int: ...
    @property
    def prices(self) -> Mapping[Symbol, PriceMoved]: ...
    @property
    def wallet(self) -> Wallet | None: ...
    @property
    def reported(self) -> tuple[VenuePosition, ...]: ...
    @property
    def reported_at(self) -> Instant: ...
    @property
    def reconciled_at(self) -> Instant: ...
    @property
    def counts(self) -> Mapping[str, int]: ...
    @property
    def identity(self) -> Mapping[str, str]:
        """Venue, version and configuration hash."""
        ...

    @property
    def most_positions(self) -> int: ...

    def switch(self, pages: Pages) -> SwitchState: ...


class View:
    """Read-only answers."""

    def __init__(self, running: Running) -> None:
        self._running = running

    def status(self) -> Json:
        running = self._running
        with running.ledger.read() as pages:
            switch = running.switch(pages)
            open_here = pages.positions(PositionStatus.OPEN)
            why = self._why(pages, switch, len(open_here))
            declined = {rule: times for rule, times in pages.declined_by_rule().items()}
        return {
            "phase": running.phase,
            "evidence": {
                "positions_at_venue": len(running.reported),
                "positions_in_ledger": len(open_here),
                "asked_at": running.reported_at,
                "reconciled_at": running.reconciled_at,
            },
            "entries": switch.level,
            "entries_reason": f"{switch.by}: {switch.reason}" if switch.reason else "",
            "flattening": switch.flattening,
            "why": why,
            "declined": dict(declined),
            "session_id": running.session_id,
            "instance": running.instance,
            **running.identity,
            "clock_offset_ms": running.clock_offset_ms,
            "market_ms": running.market.now(),
            "last_reconciliation": running.reconciled_at,
            "counts": dict(running.counts),
        }

    def _why(self, pages: Pages, switch: SwitchState, open_now: int) -> list[JsonValue]:
        """Why nothing is being entered, if nothing is; the newest refusals last."""
        told: list[JsonValue] = []
        if self._running.phase is Phase.RECOVERING:
            told.append("recovery is running")
        if switch.level is not Level.OPEN:
            told.append(f"entries are {switch.level}: {switch.by}: {switch.reason}")
        for symbol, reason in pages.reviews().items():
            told.append(f"{'the account' if symbol == WHOLE_ACCOUNT else symbol} waits for a person: {reason}")
        if open_now >= self._running.most_positions:
            told.append(f"{open_now} of {self._running.most_positions} positions are open")
        refused = pages.declined(3)
        told += [f"{row['symbol']} {row['side']} declined by {row['rule']}: {row['text']}" for row in refused]
        return told or ["no signal has come yet"] if not open_now else told

    def balance(self, wallet: Wallet) -> Json:
        """The venue's balance against the ledger's own account of it."""
        with self._running.ledger.read() as pages:
            ledger = ledger_balance(pages)
            entries = [i for i in pages.live_intents() if i.is_entry]
            kept = pages.positions(PositionStatus.OPEN)
        reserved: list[JsonValue] = [
            {"by": k.position.position_id, "kind": "position", "margin": shown(k.position.margin)} for k in kept
        ]
        reserved += [{"by": i.link_id, "kind": f"order {i.state}", "margin": shown(i.margin)} for i in entries]
        return {
            "venue": shown(wallet.balance),
            "equity": shown(wallet.equity),
            "available": shown(wallet.available),
            "ledger": shown(ledger),
            "difference": None if ledger is None else shown(wallet.balance - ledger),
            "reserved": reserved,
        }

    def recovery(self) -> Json:
        """How this executor started, what earlier starts found, and what waits for a person.

        Figures reach back as far as the log does; `history` is every change of phase, newest first.
        """
        running = self._running
        with running.ledger.read() as pages:
            return {
                "running": running.phase is Phase.RECOVERING,
                "phase": running.phase,
                "positions": len(pages.positions(PositionStatus.OPEN)),
                "session_id": running.session_id,
                **pages.tally(),
                "last_24h": dict(pages.tally(since=Instant(running.clock.now() - DAY_MS))),
                "counts": dict(pages.action_counts()),
                "reviews": {str(symbol): reason for symbol, reason in pages.waiting_for_a_person().items()},
                "events": _rows(pages.recovery_log(RECENT)),
                "history": _rows(pages.recovery_log(HISTORY, kind=PHASE)),
                "sessions": _rows(pages.sessions()),
            }


def _rows(rows: Sequence[Mapping[str, object]]) -> list[JsonValue]:
    return [{name: shown(value) for name, value in row.items()} for row in rows]


BASELINE = "balance_baseline"  # "<wallet balance>|<booked>" at the first start


def booked_in(pages: Pages) -> Usd:
    """Everything that the ledger's executions have done to the wallet."""
    open_now = [booked(pages.folded(symbol)) for symbol in pages.symbols_to_fold()]
    return Usd(sum((*pages.results(), *open_now), ZERO))


def ledger_balance(pages: Pages) -> Usd | None:
    """The balance that the ledger expects; None before the first start has noted one."""
    noted = pages.cursor(BASELINE)
    if noted is None:
        return None
    balance, _, before = noted.partition("|")
    return Usd(Decimal(balance) + booked_in(pages) - Decimal(before))
