"""Rows as the venue writes them, for tests to vary."""

from typing import Any

Row = dict[str, Any]


def position(**changes: Any) -> Row:
    row = {
        "category": "linear",
        "positionIdx": 0,
        "symbol": "BTCUSDT",
        "side": "Buy",
        "size": "0.010",
        "avgPrice": "100000.5",
        "markPrice": "100100",
        "stopLoss": "98000",
        "leverage": "5",
        "positionIM": "200.001",
        "liqPrice": "",
        "unrealisedPnl": "0.995",
        "createdTime": "1700000000000",
        "updatedTime": "1700000000001",
    }
    return row | changes


def order(**changes: Any) -> Row:
    row = {
        "symbol": "BTCUSDT",
        "orderId": "v-1",
        "orderLinkId": "",
        "side": "Buy",
        "orderStatus": "New",
        "orderType": "Market",
        "stopOrderType": "UNKNOWN",
        "createType": "CreateByUser",
        "qty": "0.010",
        "cumExecQty": "0",
        "avgPrice": "",
        "triggerPrice": "",
        "reduceOnly": False,
        "rejectReason": "EC_NoError",
        "createdTime": "1700000000000",
        "updatedTime": "1700000000001",
    }
    return row | changes


def execution(**changes: Any) -> Row:
    row = {
        "symbol": "BTCUSDT",
        "orderId": "v-1",
        "orderLinkId": "",
        "side": "Buy",
        "execId": "e-1",
        "execType": "Trade",
        "execQty": "0.010",
        "execPrice": "100000.5",
        "execFee": "0.55000275",
        "closedSize": "",
        "createType": "CreateByUser",
        "stopOrderType": "UNKNOWN",
        "execTime": "1700000000000",
        "seq": 7,
    }
    return row | changes


def account(**changes: Any) -> Row:
    coin = {
        "coin": "USDT",
        "walletBalance": "500.25",
        "equity": "501.245",
        "totalPositionIM": "200.001",
        "totalOrderIM": "0",
        "locked": "0",
    }
    row: Row = {"accountType": "UNIFIED", "totalAvailableBalance": "", "coin": [coin]}
    return row | changes


def instrument(**changes: Any) -> Row:
    row = {
        "symbol": "BTCUSDT",
        "contractType": "LinearPerpetual",
        "settleCoin": "USDT",
        "status": "Trading",
        "launchTime": "1585526400000",
        "fundingInterval": 480,
        "leverageFilter": {"minLeverage": "1", "maxLeverage": "100.00", "leverageStep": "0.01"},
        "priceFilter": {"minPrice": "0.10", "maxPrice": "1999999.80", "tickSize": "0.10"},
        "lotSizeFilter": {
            "minOrderQty": "0.001",
            "maxOrderQty": "1190",
            "maxMktOrderQty": "500",
            "qtyStep": "0.001",
            "minNotionalValue": "5",
        },
    }
    return row | changes


def ticker(**changes: Any) -> Row:
    row = {
        "symbol": "BTCUSDT",
        "lastPrice": "100000.5",
        "markPrice": "100001",
        "bid1Price": "100000.4",
        "ask1Price": "100000.6",
        "highPrice24h": "101000.0",
        "lowPrice24h": "99000.5",
        "turnover24h": "123456789.12",
    }
    return row | changes
