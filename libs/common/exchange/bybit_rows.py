"""From the venue's rows to our types: every number is taken from the venue's own string, never through float.

A row that lacks what it must have raises KeyError or ValueError: the caller says what that means. Candles are made of
their fields in order: to name the unit of each number takes a quarter of the time that a candle takes.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from libs.common.exchange.market_types import Candle, Instrument, Ticker
from libs.common.exchange.trading_types import (
    Action,
    ClosedPnl,
    Execution,
    ExecutionType,
    OrderStatus,
    VenueOrder,
    VenuePosition,
    Wallet,
)
from libs.common.ids import MAX_SYMBOL
from libs.common.units import MINUTE_MS, ZERO, Fraction, Instant, Price, Qty, Side, Symbol, Timeframe, Usd

Row = Mapping[str, Any]

INTERVALS: Final = {
    Timeframe.M1: "1",
    Timeframe.M5: "5",
    Timeframe.M15: "15",
    Timeframe.M30: "30",
    Timeframe.H1: "60",
}
_KNOWN_EXECUTIONS: Final = frozenset(kind.value for kind in ExecutionType)
_PLAIN: Final = {"UNKNOWN", ""}
_NAME: Final = re.compile(rf"[A-Z0-9]{{1,{MAX_SYMBOL}}}")


def is_ours(row: Row) -> bool:
    """A USDT perpetual that is trading and whose name fits into an order id."""
    return (
        row["contractType"] == "LinearPerpetual"
        and row["settleCoin"] == "USDT"
        and row["status"] == "Trading"
        and _NAME.fullmatch(row["symbol"]) is not None
    )


def is_known_execution(row: Row) -> bool:
    return row["execType"] in _KNOWN_EXECUTIONS


def instrument(row: Row) -> Instrument:
    lot, price = row["lotSizeFilter"], row["priceFilter"]
    return Instrument(
        symbol=Symbol(row["symbol"]),
        tick=Price(Decimal(price["tickSize"])),
        qty_step=Qty(Decimal(lot["qtyStep"])),
        min_qty=Qty(Decimal(lot["minOrderQty"])),
        max_market_qty=Qty(Decimal(lot["maxMktOrderQty"])),
        min_notional=Usd(Decimal(lot["minNotionalValue"])),
        max_leverage=Fraction(Decimal(row["leverageFilter"]["maxLeverage"])),
        launched=_instant(row["launchTime"]),
        funding_interval_ms=int(row["fundingInterval"]) * MINUTE_MS,
    )


def ticker(row: Row) -> Ticker:
    last = Price(Decimal(row["lastPrice"]))
    return Ticker(
        symbol=Symbol(row["symbol"]),
        last=last,
        mark=Price(_maybe(row["markPrice"]) or last),
        bid=Price(_maybe(row["bid1Price"]) or last),
        ask=Price(_maybe(row["ask1Price"]) or last),
        high_24h=Price(_maybe(row["highPrice24h"]) or last),
        low_24h=Price(_maybe(row["lowPrice24h"]) or last),
        turnover_24h=Usd(_number(row["turnover24h"])),
    )


def rest_candle(symbol: Symbol, timeframe: Timeframe, columns: list[str]) -> Candle:
    """A row of /v5/market/kline: [start, open, high, low, close, volume, turnover]."""
    start, opened, high, low, close, volume, turnover = columns
    prices = Decimal(opened), Decimal(high), Decimal(low), Decimal(close)
    return Candle._make((symbol, timeframe, int(start), *prices, Decimal(volume), Decimal(turnover), None))


def stream_candle(symbol: Symbol, timeframe: Timeframe, row: Row) -> Candle:
    """An element of a kline frame; `confirm` says that it is closed."""
    prices = Decimal(row["open"]), Decimal(row["high"]), Decimal(row["low"]), Decimal(row["close"])
    amounts = Decimal(row["volume"]), Decimal(row["turnover"])
    return Candle._make((symbol, timeframe, int(row["start"]), *prices, *amounts, bool(row["confirm"])))


def settled_rate(row: Row) -> tuple[Instant, Fraction]:
    """A row of market/funding/history."""
    return _instant(row["fundingRateTimestamp"]), Fraction(_number(row["fundingRate"]))


def order(row: Row) -> VenueOrder:
    return VenueOrder(
        symbol=Symbol(row["symbol"]),
        order_id=row["orderId"],
        link_id=row["orderLinkId"],
        action=Action(row["side"]),
        status=OrderStatus(row["orderStatus"]),
        order_type=row["orderType"],
        stop_order_type="" if row.get("stopOrderType", "") in _PLAIN else row["stopOrderType"],
        create_type=row.get("createType", ""),
        qty=Qty(Decimal(row["qty"])),
        filled=Qty(_number(row["cumExecQty"])),
        average=_price(row["avgPrice"]),
        trigger=_price(row.get("triggerPrice", "")),
        reduce_only=bool(row.get("reduceOnly", False)),
        reject_reason=row.get("rejectReason", ""),
        created_at=_instant(row["createdTime"]),
        updated_at=_instant(row["updatedTime"]),
        stop_loss=_price(row.get("stopLoss", "")),
    )


def execution(row: Row) -> Execution | None:
    """A fill or a funding settlement; None for an execution type that we do not know."""
    if not is_known_execution(row):
        return None
    return Execution(
        exec_id=row["execId"],
        symbol=Symbol(row["symbol"]),
        order_id=row["orderId"],
        link_id=row["orderLinkId"],
        kind=ExecutionType(row["execType"]),
        action=Action(row["side"]),
        qty=Qty(Decimal(row["execQty"])),
        price=Price(Decimal(row["execPrice"])),
        fee=Usd(Decimal(row["execFee"])),
        closed_qty=Qty(_number(row["closedSize"])),
        create_type=row.get("createType", ""),
        stop_order_type="" if row.get("stopOrderType", "") in _PLAIN else row["stopOrderType"],
        at=_instant(row["execTime"]),
        seq=int(row["seq"]),
    )


def position(row: Row) -> VenuePosition | None:
    """An open position (REST says `avgPrice`, the stream `entryPrice`); None when the row is flat."""
    qty = _number(row["size"])
    if not qty:
        return None
    return VenuePosition(
        symbol=Symbol(row["symbol"]),
        side=Side.LONG if Action(row["side"]) is Action.BUY else Side.SHORT,
        qty=Qty(qty),
        entry=Price(Decimal(row["avgPrice"] if "avgPrice" in row else row["entryPrice"])),
        mark=Price(Decimal(row["markPrice"])),
        stop=_price(row["stopLoss"]),
        leverage=Fraction(Decimal(row["leverage"])),
        margin=Usd(_number(row["positionIM"])),
        liquidation=_price(row.get("liqPrice", "")),
        unrealised=Usd(_number(row["unrealisedPnl"])),
        hedge_index=int(row.get("positionIdx", 0)),
        created_at=_instant(row["createdTime"]),
        updated_at=_instant(row["updatedTime"]),
    )


def wallet(account: Row) -> Wallet:
    """The USDT of a unified account. `available` is the account's where it says so, else reckoned from the coin."""
    [coin] = [row for row in account["coin"] if row["coin"] == "USDT"]
    balance, in_positions, in_orders = (
        _number(coin[name]) for name in ("walletBalance", "totalPositionIM", "totalOrderIM")
    )
    free = _maybe(account["totalAvailableBalance"])
    return Wallet(
        balance=Usd(balance),
        equity=Usd(_number(coin["equity"])),
        available=Usd(balance - in_positions - in_orders - _number(coin["locked"]) if free is None else free),
        position_margin=Usd(in_positions),
        order_margin=Usd(in_orders),
    )


def closed_pnl(row: Row) -> ClosedPnl:
    return ClosedPnl(
        symbol=Symbol(row["symbol"]),
        order_id=row["orderId"],
        closed_qty=Qty(Decimal(row["closedSize"])),
        entry=Price(Decimal(row["avgEntryPrice"])),
        exit=Price(Decimal(row["avgExitPrice"])),
        pnl=Usd(Decimal(row["closedPnl"])),
        created_at=_instant(row["createdTime"]),
    )


def price(text: str) -> Price:
    return Price(Decimal(text))


def _instant(value: str | int) -> Instant:
    return Instant(int(value))


def _maybe(text: str) -> Decimal | None:
    return Decimal(text) if text else None


def _number(text: str) -> Decimal:
    return Decimal(text) if text else ZERO


def _price(text: str) -> Price | None:
    """A price that may be absent: the venue writes "" or "0"."""
    number = _number(text)
    return Price(number) if number else None
