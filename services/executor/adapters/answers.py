"""What the executor's interface answers, field by field: the models and examples of `/docs`.

They describe, they do not filter: tests hold real answers against them, to the last field.
Amounts are strings of digits, instants milliseconds: of the market unless a field says wall.
"""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue, RootModel

from libs.common.contracts.positions import PartialExit
from libs.common.contracts.recovery import Phase, RecoveryAction
from libs.common.contracts.signals import Decision, Opinion
from libs.common.contracts.trades import CloseReason, TradeClosed
from libs.common.exchange.trading_types import Action, OrderStatus
from libs.common.units import Side, Timeframe
from services.executor.core.order import OrderState
from services.executor.core.switch import Level

Amount = Annotated[str, Field(pattern=r"^-?\d+(\.\d+)?$")]


def shown(example: JsonValue, text: str = "") -> Any:
    """A field with its example: not null, for FastAPI drops those from the document."""
    return Field(examples=[example], description=text or None)


class Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


POSITION = "ika-BTCUSDT-hfyo0-e"
DECISION: dict[str, JsonValue] = {
    "confidence": "0.62",
    "votes": [
        {"timeframe": Timeframe.M15, "opinion": Opinion.BUY, "p_buy": "0.62", "p_hold": "0.25", "p_sell": "0.13"}
    ],
    "threshold": "0.5",
    "rationale": "2/3 timeframes agree on BUY; XGBoost 62 %",
    "price": "115100.9",
    "atr": "310.5",
    "adx": "27.1",
    "volatility": "0.0021",
    "policy": "model",
    "model_version": "20250914-1",
    "feature_digest": "6f1e0c5a",
}
PARTIAL: dict[str, JsonValue] = {
    "qty": "0.001",
    "price": "115500",
    "gross": "0.4",
    "reason": "1 R reached",
    "at": 1757895000000,
}
AT, WALL = 1757894400000, 1764110400000


class Evidence(Answer):
    positions_at_venue: int = shown(1)
    positions_in_ledger: int = shown(1)
    asked_at: int = shown(WALL, "Wall instant of the last report of positions")
    reconciled_at: int = shown(WALL, "Wall instant of the last reconciliation")


class Status(Answer):
    phase: Phase = shown(Phase.MANAGING_POSITIONS)
    evidence: Evidence
    entries: Level = shown(Level.OPEN)
    entries_reason: str = shown("", "Who closed them, and why")
    flattening: bool = shown(False)
    why: list[str] = shown([], "Why nothing is being entered, if nothing is")
    declined: dict[str, int] = shown({"max_positions": 2}, "Refused entries by rule")
    session_id: str = shown("session-551ec68c40e2e96b")
    instance: str = shown("executor")
    venue: str = shown("paper")
    version: str = shown("1.0.0")
    config_hash: str = shown("5c1f0b6e")
    clock_offset_ms: int = shown(3, "The venue's wall clock less ours, as far as it is sure")
    market_ms: int = shown(AT)
    last_reconciliation: int = shown(WALL, "Wall")
    counts: dict[str, int] = shown({"duplicates_prevented": 1}, "Skips, waits and prevented duplicates")


class Trailing(Answer):
    active: bool = shown(True)
    stop: Amount | None = shown("114580")
    initial_stop: Amount | None = shown("114480")


class TakenPart(PartialExit):
    realised_pnl: Amount = shown("0.33", "`gross` less fees")


class Position(Answer):
    position_id: str = shown(POSITION)
    symbol: str = shown("BTCUSDT")
    side: Side = shown(Side.LONG)
    qty: Amount = shown("0.004", "Base currency")
    entry: Amount = shown("115101.3", "Volume-weighted")
    mark: Amount = shown("115300")
    stop: Amount | None = shown("114580", "As confirmed by the venue")
    initial_stop: Amount | None = shown("114480")
    trailing: Trailing
    version: int = shown(3, "Counts changes of size and stop")
    leverage: Amount = shown("5")
    margin: Amount = shown("92.08", "Initial margin really used, USDT")
    unrealised_pnl: Amount = shown("0.79", "USDT")
    roe_percentage: Amount = shown("0.86", "Of the margin")
    confidence: Amount | None = shown("0.62", "Null for an adopted position, like what else was known at the entry")
    rationale: str = shown("2/3 timeframes agree on BUY; XGBoost 62 %")
    reasons: list[str] = shown(["2/3 timeframes agree on BUY; XGBoost 62 %", "15m votes BUY"])
    atr: Amount | None = shown("310.5")
    adx: Amount | None = shown("27.1")
    volatility: Amount | None = shown("0.0021")
    decision: Decision | None = shown(DECISION)
    partial_exits: list[TakenPart] = shown([{**PARTIAL, "realised_pnl": "0.33"}])
    opened_at: int = shown(AT)
    closing: CloseReason | None = shown(CloseReason.TRAILING, "Set while it is being closed")
    equity_at_entry: Amount | None = shown("500")
    naked_ms: int = shown(0, "Wall milliseconds seen without a live stop")


class Session(Answer):
    session_id: str = shown("session-551ec68c40e2e96b")
    active_positions: int = shown(1)
    used_margin: Amount = shown("92.08")
    unrealised_pnl: Amount = shown("0.79")
    realised_pnl: Amount = shown("-13.15")
    total_pnl: Amount = shown("-12.36")
    closed_trades: int = shown(4)
    wins: int = shown(2)
    losses: int = shown(2)
    win_rate: Amount | None = shown("0.5", "Null before the first trade is closed")
    balance: Amount | None = shown("486.85", "Null before the venue has told it")
    available_balance: Amount | None = shown("394.77")


TRADE: dict[str, JsonValue] = {
    "id": "trade.closed-098c26fb8085badf",
    "cause": POSITION,
    "trace": "candle.closed-0123456789abcdef",
    "at": AT + 3_600_000,
    "sent": 0,
    "source": "",
    "trade_id": POSITION,
    "symbol": "BTCUSDT",
    "side": Side.LONG,
    "qty": "0.02",
    "entry_price": "115101.3",
    "exit_price": "114570.05",
    "gross": "-10.625",
    "fees": "2.525",
    "funding": "0",
    "pnl_usd": "-13.15",
    "close_reason": CloseReason.STOP_LOSS,
    "opened_at": AT,
    "closed_at": AT + 3_600_000,
    "leverage": "5",
    "margin": "460.41",
    "initial_stop": "114480",
    "last_stop": "114580",
    "equity_at_entry": "500",
    "decision": DECISION,
    "exits": [PARTIAL],
    "naked_ms": 0,
}


class Trade(RootModel[TradeClosed]):
    """The payload of `trade.closed.v1`."""

    model_config = ConfigDict(json_schema_extra={"examples": [TRADE]})


class Order(Answer):
    order_id: str = shown("1a2b3c4d-0000-4000-8000-000000000001", "The venue's own")
    link_id: str = shown(POSITION, "Ours; empty for stops of positions and for orders by hand")
    symbol: str = shown("BTCUSDT")
    action: Action = shown(Action.BUY)
    status: OrderStatus = shown(OrderStatus.FILLED)
    order_type: str = shown("Market")
    stop_order_type: str = shown("")
    create_type: str = shown("CreateByUser")
    reject_reason: str = shown("EC_NoError")
    qty: Amount = shown("0.005")
    filled: Amount = shown("0.005")
    average: Amount | None = shown("115101.3")
    trigger: Amount | None = shown("114580")
    reduce_only: bool = shown(False)
    created_at: int = shown(AT)
    updated_at: int = shown(AT)


class Wanted(Answer):
    link_id: str = shown(POSITION)
    position_id: str = shown(POSITION)
    symbol: str = shown("BTCUSDT")
    side: Side = shown(Side.LONG)
    purpose: str = shown("e", "e: entry; x1, x2 …: exits; p1a1 …: partial exit 1, attempt 1")
    state: OrderState = shown(OrderState.FILLED)
    cause: str = shown("signal.made-df6c327227942948")
    trace: str = shown("candle.closed-0123456789abcdef")
    reason: str = shown("")
    qty: Amount = shown("0.005")
    margin: Amount = shown("117.4")
    filled: Amount = shown("0.005")
    stop: Amount | None = shown("114480")
    average: Amount | None = shown("115101.3")
    equity: Amount | None = shown("500")
    at: int = shown(AT)
    valid_until: int = shown(AT + 900_000)
    sent_at: int = shown(WALL, "Wall instant of the last send")
    touched_at: int = shown(WALL, "Wall instant of the last change of state")
    decision: Decision | None = shown(DECISION)
    looks: int = shown(0, "How often every source said that there is no such order")


class Refusal(Answer):
    id: int = shown(17)
    signal_id: str = shown("signal.made-df6c327227942948")
    symbol: str = shown("ETHUSDT")
    side: Side = shown(Side.SHORT)
    rule: str = shown("max_positions")
    text: str = shown("5 of 5 slots are taken")
    at: int = shown(AT)
    until: int | None = shown(AT + 1_800_000, "When the rule ends, where that is known")


class Reserved(Answer):
    by: str = shown(POSITION)
    kind: str = shown("position")
    margin: Amount = shown("92.08")


class Balance(Answer):
    venue: Amount = shown("486.85")
    equity: Amount = shown("487.64")
    available: Amount = shown("394.77")
    ledger: Amount | None = shown("486.85", "Null before the first start has noted a balance")
    difference: Amount | None = shown("0", "`venue` less `ledger`; valid with positions open")
    reserved: list[Reserved]


class Tally(Answer):
    attempts: int = shown(2)
    successes: int = shown(2)
    failures: int = shown(0)


class Step(Answer):
    id: int = shown(41)
    session_id: str = shown("session-551ec68c40e2e96b")
    kind: str = shown("planned")
    action: RecoveryAction | str = shown(RecoveryAction.CONTINUE_NORMAL)
    phase: Phase | str = shown(Phase.MANAGING_POSITIONS)
    text: str = shown("1 position at the venue, 1 in the ledger")
    wall: int = shown(WALL)


class PastSession(Answer):
    number: int = shown(2)
    session_id: str = shown("session-551ec68c40e2e96b")
    instance: str = shown("executor")
    started: int = shown(WALL, "Wall")
    ended: int | None = shown(WALL, "Wall; null while it runs and after a crash")
    clean: bool = shown(False, "It left the marker of a clean stop")


class Recovery(Tally):
    running: bool = shown(False)
    phase: Phase = shown(Phase.MANAGING_POSITIONS)
    positions: int = shown(1)
    session_id: str = shown("session-551ec68c40e2e96b")
    last_24h: Tally
    counts: dict[str, int] = shown({"CONTINUE_NORMAL": 1, "CONTINUE_SEEKING": 1}, "By action")
    reviews: dict[str, str] = shown({}, "What waits for a person, by symbol; '' is the whole account")
    events: list[Step]
    history: list[Step]
    sessions: list[PastSession]
    items: list[Step]
    next: str | None = shown(f"{WALL}~41", "Cursor of the next page; null at the end")


class Told(Answer):
    command: str = shown("command.halt-098c26fb8085badf", "Id of the command on `ik:command`")
    id: str = shown("command.halt-098c26fb8085badf", "The same")


class Cleared(Answer):
    cleared: int = shown(41, "Steps that the log had")


class Probe(Answer):
    ok: bool = shown(True)
    id: int = shown(42)
    wall: int = shown(WALL)
    took_ms: float = shown(4.2)


class Rebuilt(Answer):
    orders: int = shown(12)
    orders_added: int = shown(12)
    executions: int = shown(16)
    executions_added: int = shown(16)
    positions: int = shown(1)
    trades: int = shown(5)
    trades_added: int = shown(5)
