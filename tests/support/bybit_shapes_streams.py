"""The documented frames of the venue's sockets, field by field."""

from typing import Final

from tests.support.bybit_kinds import Kind, Shape, amount, each, exactly, flag, int_ms, number, one_of, text, whole
from tests.support.bybit_shapes_account import EXECUTION, ORDER, POSITION, WALLET
from tests.support.bybit_shapes_market import LEVELS, LINEAR, SIDE, TICKER

TICK: Final = one_of("PlusTick ZeroPlusTick MinusTick ZeroMinusTick")

KLINE: Final[Shape] = {
    **each("start end timestamp", int_ms),
    "interval": text,
    **each("open close high low volume turnover", number),
    "confirm": flag,
}
TICKER_SNAPSHOT: Final[Shape] = {**TICKER, "tickDirection": TICK}
TRADE: Final[Shape] = {
    "T": int_ms,
    **each("s i", text),
    "S": SIDE,
    **each("v p", number),
    "L": TICK,
    **each("BT RPI", flag),
    "seq": whole,
}
BOOK: Final[Shape] = {"s": text, "b": LEVELS, "a": LEVELS, **each("u seq", whole)}


def public(data: Kind, *, kinds: str = "snapshot", **top: Kind) -> Shape:
    return {"topic": text, "type": one_of(kinds), "ts": int_ms, "data": data, **top}


PUBLIC: Final[dict[str, Shape]] = {
    "kline.1.BTCUSDT": public([KLINE]),
    "tickers.BTCUSDT": public(TICKER_SNAPSHOT, cs=whole),
    "publicTrade.BTCUSDT": public([TRADE]),
    "orderbook.1.BTCUSDT": public(BOOK, cts=int_ms),
    "orderbook.50.BTCUSDT": public(BOOK, cts=int_ms),
    "orderbook.200.BTCUSDT": public(BOOK, cts=int_ms),
}


def private(topic: str, row: Shape) -> Shape:
    return {"id": text, "topic": exactly(topic), "creationTime": int_ms, "data": [row]}


PRIVATE: Final[dict[str, Shape]] = {
    "order": private("order", {**ORDER, "category": LINEAR, "feeCurrency": text, "closedPnl": amount}),
    "execution": private(
        "execution",
        {**EXECUTION, "category": LINEAR, "isLeverage": text, "execPnl": amount, "marketUnit": text},
    ),
    "position": private(
        "position",
        {
            **{name: kind for name, kind in POSITION.items() if name != "avgPrice"},
            "entryPrice": amount,
            "category": LINEAR,
        },
    ),
    "wallet": private("wallet", WALLET),
}

PUBLIC_ACK: Final[Shape] = {"success": flag, "ret_msg": text, "conn_id": text, "req_id": text, "op": text}
PUBLIC_PONG: Final[Shape] = {**PUBLIC_ACK, "ret_msg": exactly("pong"), "op": exactly("ping")}
PRIVATE_PONG: Final[Shape] = {"req_id": text, "op": exactly("pong"), "args": [number], "conn_id": text}
AUTHENTICATED: Final[Shape] = {
    "success": exactly(True),
    "ret_msg": exactly(""),
    "op": exactly("auth"),
    "conn_id": text,
}
TRADE_AUTHENTICATED: Final[Shape] = {
    "retCode": exactly(0),
    "retMsg": exactly("OK"),
    "op": exactly("auth"),
    "connId": text,
}
TRADE_HEADER: Final[Shape] = each("Timenow X-Bapi-Limit X-Bapi-Limit-Status X-Bapi-Limit-Reset-Timestamp", number)
