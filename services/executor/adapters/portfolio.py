"""What is open and what it has earned, at the newest price: built from the ledger at the moment somebody asks."""

from decimal import Decimal
from enum import Enum

from pydantic import JsonValue

from libs.common.contracts.positions import OpenPosition
from libs.common.units import ZERO, Price, Symbol, Usd
from services.executor.adapters.ledger import Pages
from services.executor.adapters.list_rows import shown
from services.executor.adapters.view import Json, Running
from services.executor.core.figures import score, taken, worth
from services.executor.core.kept import Kept, PositionStatus
from services.executor.core.trades import exits


class Portfolio:
    """Read-only answers."""

    def __init__(self, running: Running) -> None:
        self._running = running

    def positions(self) -> list[JsonValue]:
        with self._running.ledger.read() as pages:
            return [self._position(pages, kept) for kept in pages.positions(PositionStatus.OPEN)]

    def position(self, key: str) -> Json | None:
        """One open position, by symbol or position id."""
        with self._running.ledger.read() as pages:
            kept = pages.open_position(Symbol(key)) or pages.position(key)
            if kept is None or kept.status is not PositionStatus.OPEN:
                return None
            return self._position(pages, kept)

    def _position(self, pages: Pages, kept: Kept) -> Json:
        position = kept.position
        value = worth(position, self._mark(position.symbol, position.entry))
        body = {name: plain(field) for name, field in position.model_dump().items()}
        return body | {
            "mark": shown(value.mark),
            "unrealised_pnl": shown(value.unrealised),
            "roe_percentage": shown(value.roe),
            "trailing": {
                "active": position.stop != position.initial_stop,
                "stop": shown(position.stop),
                "initial_stop": shown(position.initial_stop),
            },
            **_why(position),
            "partial_exits": _partial_exits(pages, position),
            "closing": kept.closing,
            "equity_at_entry": shown(kept.equity),
            "naked_ms": kept.naked_ms,
        }

    def _mark(self, symbol: Symbol, entry: Price) -> Price:
        seen = self._running.prices.get(symbol)
        if seen is not None:
            return seen.mark
        return next((p.mark for p in self._running.reported if p.symbol == symbol), entry)

    def session(self) -> Json:
        """Figures of the account's life; what partial exits have realised counts before their trade is closed."""
        wallet = self._running.wallet
        with self._running.ledger.read() as pages:
            kept = [one.position for one in pages.positions(PositionStatus.OPEN)]
            results = score(pages.results())
            trips = [pages.folded(position.symbol).open for position in kept]
        realised = Usd(results.realised + sum((sum(taken(trip), ZERO) for trip in trips if trip), ZERO))
        unrealised = Usd(sum((worth(p, self._mark(p.symbol, p.entry)).unrealised for p in kept), ZERO))
        return {
            "session_id": self._running.session_id,
            "active_positions": len(kept),
            "used_margin": shown(Usd(sum((p.margin for p in kept), ZERO))),
            "unrealised_pnl": shown(unrealised),
            "realised_pnl": shown(realised),
            "total_pnl": shown(Usd(realised + unrealised)),
            "closed_trades": results.closed,
            "wins": results.wins,
            "losses": results.losses,
            "win_rate": shown(results.win_rate),
            "balance": shown(wallet.balance) if wallet else None,
            "available_balance": shown(wallet.available) if wallet else None,
        }


def _why(position: OpenPosition) -> Json:
    """What was known at the entry; an adopted position has no decision of ours."""
    decision = position.decision
    if decision is None:
        unknown: Json = dict.fromkeys(("confidence", "adx", "volatility"))
        return unknown | {"rationale": "adopted", "reasons": ["adopted"]}
    votes: list[JsonValue] = [f"{vote.timeframe} votes {vote.opinion}" for vote in decision.votes]
    return {
        "confidence": shown(decision.confidence),
        "adx": shown(decision.adx),
        "volatility": shown(decision.volatility),
        "rationale": decision.rationale,
        "reasons": [decision.rationale, *votes],
    }


def _partial_exits(pages: Pages, position: OpenPosition) -> list[JsonValue]:
    """Size, price, reason, and what each has realised: `gross` by price alone, `realised_pnl` after its fees."""
    trip = pages.folded(position.symbol).open
    if trip is None:
        return []
    reasons = {str(intent.link_id): intent.reason for intent in pages.intents_of(position.position_id)}
    return [
        {name: plain(field) for name, field in part.model_dump().items()} | {"realised_pnl": shown(pnl)}
        for part, pnl in zip(exits(trip, reasons), taken(trip), strict=True)
    ]


def plain(value: object) -> JsonValue:
    """JSON of what a contract holds, every amount as a string of digits."""
    if isinstance(value, dict):
        return {str(name): plain(field) for name, field in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, Enum):
        return str(value.value)
    return shown(value) if isinstance(value, Decimal | bool | int | str | None) else str(value)
