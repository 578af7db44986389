"""Executions for tests: what a venue reports of fills and funding."""

from decimal import Decimal
from typing import Any

from libs.common.exchange.trading_types import Action, Execution, ExecutionType
from libs.common.units import Instant, Price, Qty, Symbol, Usd
from services.executor.core.position import Booked

BTC = Symbol("BTCUSDT")
ENTRY_ID = "ika-BTCUSDT-hfh8g0-e"
BUY, SELL = Action.BUY, Action.SELL


def execution(number: int, action: Action, qty: str, price: str, **said: Any) -> Execution:
    """The `number`th execution of BTCUSDT, one market second after the other, with a fee of 0.1."""
    fields: dict[str, Any] = {
        "exec_id": f"exec-{number:03}",
        "symbol": BTC,
        "order_id": f"order-{number}",
        "link_id": "",
        "kind": ExecutionType.TRADE,
        "action": action,
        "qty": Qty(Decimal(qty)),
        "price": Price(Decimal(price)),
        "fee": Usd(Decimal("0.1")),
        "closed_qty": Qty(Decimal(0)),
        "create_type": "CreateByUser",
        "stop_order_type": "",
        "at": Instant(number * 1_000),
        "seq": number,
    }
    return Execution(**fields | said)


def opens(number: int, qty: str, price: str, **said: Any) -> Booked:
    return Booked(execution(number, BUY, qty, price, **{"link_id": ENTRY_ID, "order_id": "entry"} | said))


def closes(number: int, qty: str, price: str, **said: Any) -> Booked:
    return Booked(execution(number, SELL, qty, price, **{"closed_qty": Qty(Decimal(qty))} | said))


def funds(number: int, fee: str) -> Booked:
    return Booked(execution(number, BUY, "1", "100", kind=ExecutionType.FUNDING, fee=Usd(Decimal(fee))))
