"""A closed trip becomes a trade: the venue's figures, added up and never recomputed.

1. `pnl_usd = gross - fees - funding`, to the last digit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from libs.common.contracts.message import message_id
from libs.common.contracts.positions import OpenPosition, PartialExit
from libs.common.contracts.trades import CloseReason, TradeClosed
from libs.common.exchange.trading_types import Execution, ExecutionType
from libs.common.ids import parse_link_id
from libs.common.units import Price, Usd
from services.executor.core.position import Trip, filled
from services.executor.core.stops import is_tighter

_FORCED: Final = frozenset({ExecutionType.BUST, ExecutionType.ADL})


@dataclass(frozen=True, slots=True)
class Ending:
    """What we knew of a position when it ended: `asked` is why we closed it, None if we did not."""

    position: OpenPosition
    asked: CloseReason | None
    equity_at_entry: Usd | None
    naked_ms: int
    trace: str


def close_reason(last: Execution, ending: Ending) -> CloseReason:
    """Say why the trip ended, from its last fill."""
    if last.kind in _FORCED or "Liq" in last.create_type or "TakeOver" in last.create_type:
        return CloseReason.LIQUIDATION
    name = parse_link_id(last.link_id)
    if name is not None:
        if name.purpose.startswith("p"):
            return CloseReason.PARTIAL
        return ending.asked or CloseReason.MANUAL  # an exit of ours that the ledger has lost the reason of
    if last.stop_order_type == "TrailingStop" or last.create_type == "CreateByTrailingStop":
        return CloseReason.TRAILING
    if last.stop_order_type == "StopLoss" or last.create_type == "CreateByStopLoss":
        return CloseReason.TRAILING if _moved(ending.position) else CloseReason.STOP_LOSS
    return CloseReason.EXTERNAL


def _moved(position: OpenPosition) -> bool:
    stop, first = position.stop, position.initial_stop
    return stop is not None and first is not None and is_tighter(position.side, stop, first)


def exits(trip: Trip, reasons: Mapping[str, str]) -> Sequence[PartialExit]:
    """Return the closing fills merged by order, oldest first; `reasons` is by order link id."""
    merged = []
    for _, group in groupby(trip.exits, key=lambda done: done.order_id):
        fills = list(group)
        qty, price = filled(fills)
        assert price is not None
        gross = trip.side.sign * (sum(f.qty * f.price for f in fills) - qty * trip.entry)
        why = reasons.get(fills[0].link_id) or fills[0].create_type or "venue"
        merged.append(PartialExit(qty=qty, price=price, gross=Usd(gross), reason=why, at=fills[-1].at))
    return merged


def trade(trip: Trip, ending: Ending, reasons: Mapping[str, str]) -> TradeClosed:
    """Return the whole round trip; `trip` is closed and its books are complete."""
    position = ending.position
    assert trip.closed_at is not None
    return TradeClosed(
        id=message_id(TradeClosed, trip.position_id),
        cause=trip.position_id,
        trace=ending.trace,
        at=trip.closed_at,
        trade_id=trip.position_id,
        symbol=trip.symbol,
        side=trip.side,
        qty=trip.opened,
        entry_price=trip.entry,
        exit_price=Price(trip.exit_value / trip.closed),
        gross=trip.gross,
        fees=trip.fees,
        funding=trip.funding,
        pnl_usd=Usd(trip.gross - trip.fees - trip.funding),
        close_reason=close_reason(trip.exits[-1], ending),
        opened_at=trip.opened_at,
        closed_at=trip.closed_at,
        leverage=position.leverage,
        margin=position.margin,
        initial_stop=position.initial_stop,
        last_stop=position.stop,
        equity_at_entry=ending.equity_at_entry,
        decision=position.decision,
        exits=tuple(exits(trip, reasons)),
        naked_ms=ending.naked_ms,
    )
