"""Made trades, as the executor would tell of them."""

from decimal import Decimal

from libs.common.contracts.message import message_id
from libs.common.contracts.positions import PartialExit
from libs.common.contracts.signals import Decision
from libs.common.contracts.trades import CloseReason, TradeClosed
from libs.common.units import HOUR_MS, Fraction, Instant, Price, Qty, Side, Symbol, Usd

D = Decimal
OPENED_AT = Instant(1_757_894_400_000)


def decision(
    *,
    price: str = "100",
    atr: str = "1",
    confidence: str = "0.55",
    threshold: str = "0.50",
    policy: str = "model",
) -> Decision:
    return Decision(
        confidence=Fraction(D(confidence)),
        votes=(),
        threshold=Fraction(D(threshold)),
        rationale="2/3 timeframes agree on BUY; XGBoost 55 %",
        price=Price(D(price)),
        atr=Price(D(atr)),
        adx=Fraction(D(20)),
        volatility=Fraction(D("0.01")),
        policy=policy,
        model_version="m1" if policy == "model" else "",
        feature_digest="f00d",
    )


def leave(qty: str, price: str, *, hours: int = 2) -> PartialExit:
    at = Instant(OPENED_AT + hours * HOUR_MS)
    return PartialExit(qty=Qty(D(qty)), price=Price(D(price)), gross=Usd(D(0)), reason="", at=at)


def trade(
    *,
    trade_id: str = "ika-BTCUSDT-h2k1-e",
    symbol: str = "BTCUSDT",
    side: Side = Side.LONG,
    qty: str = "1",
    entry: str = "100",
    exits: tuple[PartialExit, ...] | None = None,
    exit_price: str = "98",
    fees: str = "0.1",
    funding: str = "0",
    close_reason: CloseReason = CloseReason.STOP_LOSS,
    initial_stop: str | None = "98",
    last_stop: str | None = "98",
    margin: str = "20",
    equity: str | None = "500",
    naked_ms: int = 0,
    decided: Decision | None = None,
    adopted: bool = False,
    gross: str | None = None,
    closed_at: Instant | None = None,
) -> TradeClosed:
    """A long of one unit from 100 to 98, unless told otherwise; its gross follows from its exits."""
    fills = (leave(qty, exit_price),) if exits is None else exits
    by_price = side.sign * sum(((each.price - D(entry)) * each.qty for each in fills), D(0))
    by_price = by_price if gross is None else D(gross)
    return TradeClosed(
        id=message_id(TradeClosed, trade_id),
        cause="",
        trace="candle-1",
        at=Instant(OPENED_AT + 2 * HOUR_MS) if closed_at is None else closed_at,
        trade_id=trade_id,
        symbol=Symbol(symbol),
        side=side,
        qty=Qty(D(qty)),
        entry_price=Price(D(entry)),
        exit_price=Price(D(exit_price)),
        gross=Usd(by_price),
        fees=Usd(D(fees)),
        funding=Usd(D(funding)),
        pnl_usd=Usd(by_price - D(fees) - D(funding)),
        close_reason=close_reason,
        opened_at=OPENED_AT,
        closed_at=Instant(OPENED_AT + 2 * HOUR_MS) if closed_at is None else closed_at,
        leverage=Fraction(D(5)),
        margin=Usd(D(margin)),
        initial_stop=None if initial_stop is None else Price(D(initial_stop)),
        last_stop=None if last_stop is None else Price(D(last_stop)),
        equity_at_entry=None if equity is None else Usd(D(equity)),
        decision=None if adopted else (decided or decision()),
        exits=fills,
        naked_ms=naked_ms,
    )
