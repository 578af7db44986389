"""Did everything hold that must hold after any crash? Recomputed from the exchange's own rows, rule by rule.

Nothing here believes a total: positions come from fills, trips from positions, the wallet from its parts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from services.paper_exchange.core.judging.audit_rows import read_audit, read_trades
from services.paper_exchange.core.judging.entry_rules import entered_once, few_enough
from services.paper_exchange.core.judging.ledger_rules import losses_explained, trades_agree
from services.paper_exchange.core.judging.money_rules import (
    gross_is_price_alone,
    ids_are_unique,
    orders_add_up,
    positions_are_fills,
    reduce_only_reduced,
    wallet_adds_up,
)
from services.paper_exchange.core.judging.round_trips import walk
from services.paper_exchange.core.judging.rule import Rule
from services.paper_exchange.core.judging.stop_rules import naked_as_listed, never_loosened, never_naked


@dataclass(frozen=True, slots=True)
class Verdict:
    rules: tuple[Rule, ...]

    @property
    def holds(self) -> bool:
        return not any(rule.violations for rule in self.rules)

    @property
    def violations(self) -> tuple[str, ...]:
        return tuple(f"{rule.name}: {each}" for rule in self.rules for each in rule.violations)

    @property
    def lines(self) -> tuple[str, ...]:
        """One line a rule, for a person."""
        return tuple(rule.line for rule in self.rules)


def judge(
    audit: Mapping[str, JsonValue],
    *,
    max_positions: int,
    trades: Sequence[JsonValue] | None = None,
    postmortems: Sequence[str] | None = None,
) -> Verdict:
    """Judge a whole audit.

    trades: the ledger's trades (rows of GET /v1/trades), if they are to be compared with the round trips.
    postmortems: the trade_id of every report there is, repeated if there are several.
    Raises ValueError when a row cannot be read.
    """
    books = read_audit(audit)
    seen = walk(books.fills, books.funding)
    rules = [
        entered_once(books, seen),
        few_enough(books, seen, max_positions),
        never_loosened(books.positions),
        never_naked(books, seen),
        naked_as_listed(books),
        wallet_adds_up(books),
        gross_is_price_alone(seen),
        positions_are_fills(books, seen),
        reduce_only_reduced(books, seen),
        orders_add_up(books),
        ids_are_unique(books),
    ]
    ledger = None if trades is None else read_trades(trades)
    if ledger is not None:
        rules.append(trades_agree(ledger, seen.trips))
    if postmortems is not None:
        rules.append(losses_explained(ledger, seen.trips, postmortems))
    return Verdict(tuple(rules))
