"""One message of each kind, the same on every run; any field can be said otherwise."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from libs.common.contracts import commands, lessons, market, orders, positions, postmortems, recovery, signals, trades
from libs.common.contracts.message import Message, message_id
from libs.common.units import Fraction, Instant, Price, Qty, Side, Symbol, Timeframe, Usd

D = Decimal
BTC: Final = Symbol("BTCUSDT")
SLOT: Final = Instant(1_757_894_400_000)  # 2025-09-15T00:00:00Z, a 15m close
POSITION_ID: Final = "ika-BTCUSDT-hfh8g0-e"


def envelope(schema: type[Message], *causes: str, at: Instant = SLOT) -> dict[str, Any]:
    return {
        "id": message_id(schema, *(causes or ("a test",))),
        "cause": causes[0] if causes else "",
        "trace": "candle.closed-0123456789abcdef",
        "at": at,
    }


def candle(symbol: Symbol = BTC, n: int = 0, timeframe: Timeframe = Timeframe.M15, **said: Any) -> market.CandleClosed:
    """The `n`th candle of a series: it opens at SLOT + n × timeframe."""
    open_at = Instant(SLOT + n * timeframe.ms)
    close_at = Instant(open_at + timeframe.ms)
    fields = envelope(market.CandleClosed, symbol, timeframe, str(open_at), at=close_at) | {
        "symbol": symbol,
        "timeframe": timeframe,
        "open_at": open_at,
        "close_at": close_at,
        "open": Price(D("115000.1")),
        "high": Price(D("115200")),
        "low": Price(D("114900.5")),
        "close": Price(D("115100.9")),
        "volume": Qty(D("123.456")),
        "turnover": Usd(D("14207000.25")),
    }
    return market.CandleClosed(**fields | said)


def price(symbol: Symbol = BTC, last: str = "115100.9", **said: Any) -> market.PriceMoved:
    fields = envelope(market.PriceMoved, symbol, last) | {
        "symbol": symbol,
        "last": Price(D(last)),
        "mark": Price(D(last)),
    }
    return market.PriceMoved(**fields | said)


def candles_loaded(**said: Any) -> market.CandlesLoaded:
    fields = envelope(market.CandlesLoaded) | {"universe": (BTC, Symbol("ETHUSDT")), "loaded": (BTC,)}
    return market.CandlesLoaded(**fields | said)


def candle_missing(**said: Any) -> market.CandleMissing:
    fields = envelope(market.CandleMissing) | {
        "symbol": BTC,
        "timeframe": Timeframe.M15,
        "open_at": SLOT,
        "close_at": Instant(SLOT + Timeframe.M15.ms),
        "reason": "the venue gave none in 5 tries",
    }
    return market.CandleMissing(**fields | said)


def vote(**said: Any) -> signals.Vote:
    fields: dict[str, Any] = {
        "timeframe": Timeframe.M15,
        "opinion": signals.Opinion.BUY,
        "p_buy": Fraction(D("0.62")),
        "p_hold": Fraction(D("0.25")),
        "p_sell": Fraction(D("0.13")),
    }
    return signals.Vote(**fields | said)


def decision(**said: Any) -> signals.Decision:
    fields: dict[str, Any] = {
        "confidence": Fraction(D("0.62")),
        "votes": (vote(),),
        "threshold": Fraction(D("0.5")),
        "rationale": "2/3 timeframes agree on BUY; XGBoost 62 %",
        "price": Price(D("115100.9")),
        "atr": Price(D("310.5")),
        "adx": Fraction(D("27.1")),
        "volatility": Fraction(D("0.0021")),
        "policy": "model",
        "model_version": "20250914-1",
        "feature_digest": "6f1e0c5a",
    }
    return signals.Decision(**fields | said)


def signal(symbol: Symbol = BTC, n: int = 0, **said: Any) -> signals.SignalMade:
    """The signal of the `n`th 15m close after SLOT."""
    slot = Instant(SLOT + n * Timeframe.M15.ms)
    fields = envelope(signals.SignalMade, symbol, str(slot), at=slot) | {
        "symbol": symbol,
        "side": Side.LONG,
        "slot": slot,
        "valid_until": Instant(slot + Timeframe.M15.ms),
        "size_multiplier": Fraction(D("1")),
        "decision": decision(),
    }
    return signals.SignalMade(**fields | said)


def _position_command(schema: type[Message], **rest: Any) -> dict[str, Any]:
    named: dict[str, Any] = {"symbol": BTC, "position_id": POSITION_ID, "side": Side.LONG, "version": 3}
    return envelope(schema) | named | rest


def stop_move(**said: Any) -> commands.StopMove:
    fields = _position_command(commands.StopMove, stop=Price(D("114800")), reason="trailing")
    return commands.StopMove(**fields | said)


def position_reduce(**said: Any) -> commands.PositionReduce:
    fields = _position_command(commands.PositionReduce, qty=Qty(D("0.01")), step=1, reason="1 R reached")
    return commands.PositionReduce(**fields | said)


def position_close(**said: Any) -> commands.PositionClose:
    fields = _position_command(commands.PositionClose, close_reason=trades.CloseReason.TRAILING, reason="held for 48 h")
    return commands.PositionClose(**fields | said)


def _switch(schema: type[Message]) -> dict[str, Any]:
    return envelope(schema) | {"by": "operator", "reason": "maintenance"}


def entries_pause(**said: Any) -> commands.EntriesPause:
    return commands.EntriesPause(**_switch(commands.EntriesPause) | said)


def entries_resume(**said: Any) -> commands.EntriesResume:
    return commands.EntriesResume(**_switch(commands.EntriesResume) | {"halted": False} | said)


def halt(**said: Any) -> commands.Halt:
    return commands.Halt(**_switch(commands.Halt) | said)


def flatten(**said: Any) -> commands.Flatten:
    return commands.Flatten(**_switch(commands.Flatten) | said)


def detach(**said: Any) -> commands.Detach:
    return commands.Detach(**_switch(commands.Detach) | said)


def recovery_accept(**said: Any) -> commands.RecoveryAccept:
    return commands.RecoveryAccept(**_switch(commands.RecoveryAccept) | {"symbol": BTC} | said)


def order(schema: type[orders.OrderMessage], **said: Any) -> orders.OrderMessage:
    fields = envelope(schema) | {
        "link_id": POSITION_ID,
        "symbol": BTC,
        "side": Side.LONG,
        "purpose": "e",
        "qty": Qty(D("0.02")),
        "filled": Qty(D("0.02")),
        "average": Price(D("115101.3")),
        "reason": "",
    }
    return schema(**fields | said)


def partial_exit(**said: Any) -> positions.PartialExit:
    fields: dict[str, Any] = {
        "qty": Qty(D("0.01")),
        "price": Price(D("115500")),
        "gross": Usd(D("3.987")),
        "reason": "1 R reached",
        "at": Instant(SLOT + 600_000),
    }
    return positions.PartialExit(**fields | said)


def open_position(**said: Any) -> positions.OpenPosition:
    fields: dict[str, Any] = {
        "position_id": POSITION_ID,
        "symbol": BTC,
        "side": Side.LONG,
        "qty": Qty(D("0.02")),
        "entry": Price(D("115101.3")),
        "stop": Price(D("114480")),
        "initial_stop": Price(D("114480")),
        "version": 3,
        "leverage": Fraction(D("5")),
        "margin": Usd(D("460.41")),
        "opened_at": SLOT,
        "atr": Price(D("310.5")),
        "decision": decision(),
        "partial_exits": (partial_exit(),),
    }
    return positions.OpenPosition(**fields | said)


def position_opened(**said: Any) -> positions.PositionOpened:
    return positions.PositionOpened(**envelope(positions.PositionOpened) | {"position": open_position()} | said)


def position_changed(**said: Any) -> positions.PositionChanged:
    fields = envelope(positions.PositionChanged) | {"position": open_position(), "reason": "stop moved"}
    return positions.PositionChanged(**fields | said)


def position_closed(**said: Any) -> positions.PositionClosed:
    fields = envelope(positions.PositionClosed) | {
        "position_id": POSITION_ID,
        "symbol": BTC,
        "side": Side.LONG,
        "version": 4,
    }
    return positions.PositionClosed(**fields | said)


def position_snapshot(**said: Any) -> positions.PositionSnapshot:
    fields = envelope(positions.PositionSnapshot) | {"positions": (open_position(),)}
    return positions.PositionSnapshot(**fields | said)


def trade(**said: Any) -> trades.TradeClosed:
    """A long that lost 13.15 USDT; gross - fees - funding = pnl_usd."""
    fields = envelope(trades.TradeClosed, str(said.get("trade_id", POSITION_ID))) | {
        "trade_id": POSITION_ID,
        "symbol": BTC,
        "side": Side.LONG,
        "qty": Qty(D("0.02")),
        "entry_price": Price(D("115101.3")),
        "exit_price": Price(D("114570.05")),
        "gross": Usd(D("-10.625")),
        "fees": Usd(D("2.525")),
        "funding": Usd(D("0")),
        "pnl_usd": Usd(D("-13.15")),
        "close_reason": trades.CloseReason.STOP_LOSS,
        "opened_at": SLOT,
        "closed_at": Instant(SLOT + 3_600_000),
        "leverage": Fraction(D("5")),
        "margin": Usd(D("460.41")),
        "initial_stop": Price(D("114480")),
        "last_stop": Price(D("114580")),
        "equity_at_entry": Usd(D("500")),
        "decision": decision(),
        "exits": (partial_exit(),),
        "naked_ms": 0,
    }
    return trades.TradeClosed(**fields | said)


def lesson(**said: Any) -> lessons.LessonExplained:
    fields = envelope(lessons.LessonExplained) | {
        "trade_id": POSITION_ID,
        "symbol": BTC,
        "category": "SIGNAL_WRONG",
        "severity": "MEDIUM",
        "attributable_to_model": True,
    }
    return lessons.LessonExplained(**fields | said)


def trade_summary(**said: Any) -> postmortems.TradeSummary:
    fields: dict[str, Any] = {
        "symbol": BTC,
        "side": Side.LONG,
        "entry_price": Price(D("115101.3")),
        "exit_price": Price(D("114570.05")),
        "qty": Qty(D("0.02")),
        "leverage": Fraction(D("5")),
        "margin": Usd(D("460.41")),
        "pnl_usd": Usd(D("-13.15")),
        "pnl_percentage": Fraction(D("-0.57")),
        "roe_percentage": Fraction(D("-2.86")),
        "r": Fraction(D("-1.06")),
        "duration_hours": Fraction(D("1")),
        "fees": Usd(D("2.525")),
        "funding": Usd(D("0")),
        "close_reason": trades.CloseReason.STOP_LOSS,
    }
    return postmortems.TradeSummary(**fields | said)


def decomposition(**said: Any) -> postmortems.Decomposition:
    fields: dict[str, Any] = {
        "direction": Usd(D("-10.418")),
        "entry_slippage": Usd(D("-0.008")),
        "management": Usd(D("0")),
        "exit_slippage": Usd(D("-0.199")),
        "fees": Usd(D("-2.525")),
        "funding": Usd(D("0")),
        "residue": Usd(D("0")),
    }
    return postmortems.Decomposition(**fields | said)


def postmortem(**said: Any) -> postmortems.PostmortemWritten:
    found = postmortems.Finding(
        category=postmortems.Category.SIGNAL_WRONG,
        evidence="the price never went 0.2 R our way",
        confidence=Fraction(D("0.8")),
    )
    fields = envelope(postmortems.PostmortemWritten) | {
        "trade_id": POSITION_ID,
        "symbol": BTC,
        "category": postmortems.Category.SIGNAL_WRONG,
        "severity": postmortems.Severity.MEDIUM,
        "severity_reason": "1.06 R, 2.6 % of equity",
        "pnl_usd": Usd(D("-13.15")),
        "opened_at": SLOT,
        "closed_at": Instant(SLOT + 3_600_000),
        "summary": trade_summary(),
        "initial_decision": decision(),
        "decomposition": decomposition(),
        "findings": (found,),
        "advice": ("Raise the least confidence for BTCUSDT.",),
        "attributable_to_model": True,
    }
    return postmortems.PostmortemWritten(**fields | said)


def recovery_planned(**said: Any) -> recovery.RecoveryPlanned:
    fields = envelope(recovery.RecoveryPlanned) | {
        "session_id": "session-1",
        "action": recovery.RecoveryAction.UPDATE_POSITIONS,
        "phase": recovery.Phase.MANAGING_POSITIONS,
        "clean_stop": False,
        "findings": (recovery.Finding(symbol=BTC, text="the stop is at 114480, the ledger says 114400"),),
    }
    return recovery.RecoveryPlanned(**fields | said)


def recovery_done(**said: Any) -> recovery.RecoveryDone:
    fields = envelope(recovery.RecoveryDone) | {
        "session_id": "session-1",
        "action": recovery.RecoveryAction.UPDATE_POSITIONS,
        "phase": recovery.Phase.MANAGING_POSITIONS,
        "positions": 1,
        "took_ms": 840,
        "requests": 6,
        "finished": Instant(SLOT + 1_000),
    }
    return recovery.RecoveryDone(**fields | said)


ONE_OF_EACH: Final[Mapping[str, Callable[[], Message]]] = {
    "candle.closed.v1": candle,
    "candle.missing.v1": candle_missing,
    "candle.loaded.v1": candles_loaded,
    "price.moved.v1": price,
    "signal.made.v1": signal,
    "command.stop_move.v1": stop_move,
    "command.position_reduce.v1": position_reduce,
    "command.position_close.v1": position_close,
    "command.entries_pause.v1": entries_pause,
    "command.entries_resume.v1": entries_resume,
    "command.halt.v1": halt,
    "command.flatten.v1": flatten,
    "command.detach.v1": detach,
    "command.recovery_accept.v1": recovery_accept,
    "order.submitted.v1": lambda: order(orders.OrderSubmitted),
    "order.accepted.v1": lambda: order(orders.OrderAccepted),
    "order.filled.v1": lambda: order(orders.OrderFilled),
    "order.cancelled.v1": lambda: order(orders.OrderCancelled),
    "order.refused.v1": lambda: order(orders.OrderRefused),
    "order.unknown.v1": lambda: order(orders.OrderUnknown),
    "order.reviewed.v1": lambda: order(orders.OrderReviewed),
    "position.opened.v1": position_opened,
    "position.changed.v1": position_changed,
    "position.closed.v1": position_closed,
    "position.snapshot.v1": position_snapshot,
    "trade.closed.v1": trade,
    "lesson.explained.v1": lesson,
    "postmortem.written.v1": postmortem,
    "recovery.planned.v1": recovery_planned,
    "recovery.done.v1": recovery_done,
}
