"""Every endpoint of the venue that the paper exchange has, and every parameter with values that it may have."""

from collections.abc import Mapping, Sequence
from typing import Final

from pydantic import JsonValue

Values = Sequence[JsonValue]
Parameters = Mapping[str, Values]

LINEAR: Final[Values] = ["linear", "spot", "inverse", "option"]
SYMBOL: Final[Values] = ["BTCUSDT", "ETHUSDT", "NOUSDT"]
COIN: Final[Values] = ["USDT", "BTC", "USDC"]
FLAG: Final[Values] = [True, False, "true", "false"]
PRICE: Final[Values] = ["0", "1", "100.5", "60000", 60000, "0.00001"]
QTY: Final[Values] = ["0", "0.001", "0.002", "1", "1000000", 0.001]
LIMIT: Final[Values] = ["1", "50", "1000", "0", "-1"]
MS: Final[Values] = ["0", "1748822400000", "1748908800000", "999999999999999", 1748822400000]
TRIGGER: Final[Values] = ["LastPrice", "MarkPrice", "IndexPrice", "UNKNOWN"]
IDX: Final[Values] = [0, 1, 2, "0", "1", 3]
ID: Final[Values] = ["mine", "x" * 36, "x" * 37, "00000000-0000-0000-0000-000000000000"]
MODE: Final[Values] = ["Full", "Partial"]
KIND: Final[Values] = ["Market", "Limit"]
ANY: Final[Values] = ["x"]

_LISTED: Final[Parameters] = {"category": LINEAR, "symbol": SYMBOL}
_CANDLES: Final[Parameters] = {
    **_LISTED,
    "interval": ["1", "15", "60", "D", "W", "M", "7"],
    "start": MS,
    "end": MS,
    "limit": LIMIT,
}
_SPAN: Final[Parameters] = {"startTime": MS, "endTime": MS, "limit": LIMIT, "cursor": ["1", "0", "x"]}
_COINS: Final[Parameters] = {"baseCoin": COIN, "settleCoin": COIN}
_NAMED: Final[Parameters] = {"orderId": ID, "orderLinkId": ID}
_GUARDS: Final[Parameters] = {
    "takeProfit": PRICE,
    "stopLoss": PRICE,
    "tpTriggerBy": TRIGGER,
    "slTriggerBy": TRIGGER,
    "tpslMode": MODE,
    "tpOrderType": KIND,
    "slOrderType": KIND,
    "tpLimitPrice": PRICE,
    "slLimitPrice": PRICE,
}
_CREATE: Final[Parameters] = {
    **_LISTED,
    **_GUARDS,
    "side": ["Buy", "Sell"],
    "orderType": KIND,
    "qty": QTY,
    "price": PRICE,
    "timeInForce": ["GTC", "IOC", "FOK", "PostOnly"],
    "positionIdx": IDX,
    "reduceOnly": FLAG,
    "closeOnTrigger": FLAG,
    "orderLinkId": ID,
    "triggerPrice": PRICE,
    "triggerDirection": [1, 2, "1", 3],
    "triggerBy": TRIGGER,
    "slippageToleranceType": ["TickSize", "Percent"],
    "slippageTolerance": ["1", "0.5"],
}
_AMEND: Final[Parameters] = {**_LISTED, **_NAMED, **_GUARDS, "qty": QTY, "price": PRICE, "triggerPrice": PRICE}
_CANCEL: Final[Parameters] = {**_LISTED, **_NAMED}
_BATCH: Final[Parameters] = {"category": LINEAR, "request": [[], [{}], [{"symbol": "BTCUSDT"}] * 21, ["x"], {}]}

QUESTIONS: Final[Mapping[str, Parameters]] = {
    "/v5/market/time": {},
    "/v5/market/instruments-info": {
        **_LISTED,
        "status": ["Trading", "PreLaunch"],
        "baseCoin": COIN,
        "limit": LIMIT,
        "cursor": ANY,
    },
    "/v5/market/kline": _CANDLES,
    "/v5/market/mark-price-kline": _CANDLES,
    "/v5/market/index-price-kline": _CANDLES,
    "/v5/market/premium-index-price-kline": _CANDLES,
    "/v5/market/funding/history": {**_LISTED, **_SPAN},
    "/v5/market/tickers": _LISTED,
    "/v5/market/orderbook": {**_LISTED, "limit": LIMIT},
    "/v5/market/recent-trade": {**_LISTED, "limit": LIMIT},
    "/v5/market/risk-limit": {**_LISTED, "cursor": ANY},
    "/v5/market/price-limit": _LISTED,
    "/v5/order/realtime": {
        **_LISTED,
        **_COINS,
        **_NAMED,
        **_SPAN,
        "openOnly": [0, 1, 2],
        "orderFilter": ["Order", "StopOrder"],
    },
    "/v5/order/history": {
        **_LISTED,
        **_COINS,
        **_NAMED,
        **_SPAN,
        "orderStatus": ["Filled", "Cancelled", "New"],
        "orderFilter": ["Order", "StopOrder"],
    },
    "/v5/execution/list": {**_LISTED, **_COINS, **_NAMED, **_SPAN, "execType": ["Trade", "Funding", "BustTrade"]},
    "/v5/position/list": {**_LISTED, **_COINS, "limit": LIMIT, "cursor": ["1", "x"]},
    "/v5/position/closed-pnl": {**_LISTED, **_SPAN},
    "/v5/account/wallet-balance": {"accountType": ["UNIFIED", "SPOT"], "coin": ["USDT", "USDT,BTC", ","]},
    "/v5/account/info": {},
    "/v5/account/fee-rate": _LISTED,
    "/v5/user/query-api": {},
    "/v5/asset/coin/query-info": {"coin": COIN},
}
COMMANDS: Final[Mapping[str, Parameters]] = {
    "/v5/order/create": _CREATE,
    "/v5/order/amend": _AMEND,
    "/v5/order/cancel": _CANCEL,
    "/v5/order/cancel-all": {
        **_LISTED,
        **_COINS,
        "orderFilter": ["Order", "StopOrder"],
        "stopOrderType": ["Stop", "TakeProfit"],
    },
    "/v5/order/create-batch": _BATCH,
    "/v5/order/amend-batch": _BATCH,
    "/v5/order/cancel-batch": _BATCH,
    "/v5/position/set-leverage": {**_LISTED, "buyLeverage": ["1", "10", "1000"], "sellLeverage": ["1", "10"]},
    "/v5/position/switch-mode": {**_LISTED, "coin": COIN, "mode": [0, 3, "0", 7]},
    "/v5/position/trading-stop": {
        **_LISTED,
        **_GUARDS,
        "positionIdx": IDX,
        "trailingStop": PRICE,
        "activePrice": PRICE,
        "tpSize": QTY,
        "slSize": QTY,
    },
    "/v5/account/set-margin-mode": {"setMarginMode": ["ISOLATED_MARGIN", "REGULAR_MARGIN", "PORTFOLIO_MARGIN"]},
}
