"""The verdict on a run: the exchange's audit against the ledger, and whether everything came to rest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from pydantic import JsonValue

from libs.common.contracts.recovery import Phase
from services.executor.adapters.journal_rows import PHASE
from services.executor.adapters.ledger import Ledger, Pages
from services.executor.adapters.list_rows import TRADES, Asked
from services.executor.core.kept import PositionStatus
from services.executor.core.order import OrderState
from services.paper_exchange.core.judging.audit_rows import read_audit, read_trades
from services.paper_exchange.core.judging.round_trips import Trip, walk
from services.paper_exchange.core.judging.verdict import judge
from tests.chaos.matrix.executor_process import MOST_POSITIONS

DUPLICATES, TOO_MANY, NAKED = "no signal entered twice", "never too many positions", "no position naked"
UNSETTLED = "not settled"
AGREE, REPORTS = "trades = round trips in gross, fees and funding", "one post-mortem for every losing trade"


@dataclass(frozen=True, slots=True)
class Findings:
    """What a run broke, counted as the final line counts it; `violations` tells everything."""

    violations: tuple[str, ...]
    duplicates: int
    naked: int
    too_many: int
    cents: str
    missing_reports: int
    round_trips: int


def trades_of(pages: Pages) -> Sequence[Mapping[str, JsonValue]]:
    """The ledger's trades, as GET /v1/trades shows them."""
    rows, _ = pages.page(TRADES, Asked(limit=500))
    return rows


def unsettled(pages: Pages) -> list[str]:
    """What the ledger still has to do."""
    phases = pages.recovery_log(1, kind=PHASE)
    left = ["nobody has recovered"] if not phases or phases[0]["phase"] == Phase.RECOVERING else []
    left += [f"{i.link_id} is {i.state}" for i in pages.live_intents()]
    left += [f"{k.position.position_id} is open" for k in pages.positions(PositionStatus.OPEN)]
    left += [f"{k.position.position_id} has no trade" for k in pages.positions(PositionStatus.FLAT)]
    waiting = pages.waiting_count()
    return [*left, f"{waiting} events were not told"] if waiting else left


def round_trips(audit: Mapping[str, JsonValue]) -> Sequence[Trip]:
    """Every position that was opened and closed again, recomputed from the exchange's fills."""
    books = read_audit(audit)
    return [trip for trip in walk(books.fills, books.funding).trips if trip.closed is not None]


def asked_for(ledger: Ledger) -> list[str]:
    """What a person is asked about: no misfortune here needs one."""
    with ledger.read() as pages:
        return [f"nobody has to be asked: {symbol or 'the account'}: {why}" for symbol, why in pages.reviews().items()]


def is_of_time(violations: Sequence[str]) -> bool:
    """Whether a slow machine explains them all: a stop that was late, or an end that was not reached.

    A stop that was missing from the first fill on, a second entry, a fourth position, an order that waits for a person
    are never a matter of time.
    """
    late = (f"{NAKED}: ", f"{UNSETTLED} ")
    after = (f"{AGREE}: ", f"{REPORTS}: ") if any(each.startswith(late[1]) for each in violations) else ()
    ever = ("first fill", OrderState.MANUAL_REVIEW)
    return all(each.startswith((*late, *after)) and not any(text in each for text in ever) for each in violations)


def findings(
    audit: Mapping[str, JsonValue],
    trades: Sequence[Mapping[str, JsonValue]],
    reports: Sequence[str],
    others: Sequence[str],
) -> Findings:
    """Judge a finished run; `others` are violations that no audit shows."""
    rows: list[JsonValue] = [dict(trade) for trade in trades]
    verdict = judge(audit, max_positions=MOST_POSITIONS, trades=rows, postmortems=reports)
    broken = {rule.name: len(rule.violations) for rule in verdict.rules}
    trips = round_trips(audit)
    real = sum((trip.net for trip in trips), Decimal(0))
    told = sum((trade.pnl_usd for trade in read_trades(rows)), Decimal(0))
    losing = {str(trade["trade_id"]) for trade in trades if Decimal(str(trade["pnl_usd"])) < 0}
    return Findings(
        violations=(*verdict.violations, *others),
        duplicates=broken[DUPLICATES],
        naked=broken[NAKED],
        too_many=broken[TOO_MANY],
        cents=str(abs(real - told) * 100),
        missing_reports=len(losing - set(reports)),
        round_trips=len(trips),
    )
