"""The documented answers of the venue's public side, field by field."""

from typing import Final

from tests.support.bybit_kinds import (
    Kind,
    Shape,
    amount,
    each,
    exactly,
    flag,
    int_ms,
    ms,
    nothing,
    number,
    one_of,
    sequence,
    text,
    whole,
)

LINEAR: Final = exactly("linear")
SIDE: Final = one_of("Buy Sell")
LEVELS: Final[Kind] = [[number, number]]
BAR: Final[Kind] = [ms, number, number, number, number, number, number]
PRICE_BAR: Final[Kind] = [ms, number, number, number, number]


def envelope(result: Kind) -> Shape:
    """The wrapping of every REST answer that is no error."""
    return {
        "retCode": exactly(0),
        "retMsg": one_of("OK success SUCCESS -"),
        "result": result,
        "retExtInfo": {},
        "time": int_ms,
    }


def listed(row: Kind) -> Shape:
    return {"category": LINEAR, "list": [row]}


def paged(row: Kind) -> Shape:
    return {"category": LINEAR, "list": [row], "nextPageCursor": text}


TIME: Final[Shape] = each("timeSecond timeNano", number)

INSTRUMENT: Final[Shape] = {
    **each("symbol baseCoin displayName", text),
    "symbolId": whole,
    "contractType": exactly("LinearPerpetual"),
    "status": exactly("Trading"),
    **each("quoteCoin settleCoin", exactly("USDT")),
    "symbolType": text,
    "launchTime": ms,
    "deliveryTime": exactly("0"),
    "deliveryFeeRate": exactly(""),
    "priceScale": number,
    "leverageFilter": each("minLeverage maxLeverage leverageStep", number),
    "priceFilter": each("minPrice maxPrice tickSize", number),
    "lotSizeFilter": each(
        "minOrderQty maxOrderQty maxMktOrderQty qtyStep postOnlyMaxOrderQty minNotionalValue", number
    ),
    "unifiedMarginTrade": flag,
    "fundingInterval": whole,
    "copyTrading": one_of("both none utaOnly normalOnly"),
    **each("upperFundingRate lowerFundingRate", number),
    "isPreListing": exactly(False),
    "preListingInfo": nothing,
    "riskParameters": each("priceLimitRatioX priceLimitRatioY", number),
}

TICKER: Final[Shape] = {
    "symbol": text,
    **each("lastPrice indexPrice markPrice prevPrice24h price24hPcnt highPrice24h lowPrice24h prevPrice1h", number),
    **each("openInterest openInterestValue turnover24h volume24h fundingRate fundingIntervalHour fundingCap", number),
    "nextFundingTime": ms,
    **each("bid1Price bid1Size ask1Price ask1Size", number),
    **each("predictedDeliveryPrice basisRate basis deliveryFeeRate preOpenPrice preQty", amount),
    "deliveryTime": exactly("0"),
    "curPreListingPhase": text,
}

ORDER_BOOK: Final[Shape] = {"s": text, "b": LEVELS, "a": LEVELS, **each("ts cts", int_ms), **each("u seq", whole)}

PUBLIC_TRADE: Final[Shape] = {
    **each("execId symbol", text),
    **each("price size", number),
    "side": SIDE,
    "time": ms,
    **each("isBlockTrade isRPITrade", flag),
    "seq": sequence,
}

FUNDING_RATE: Final[Shape] = {"symbol": text, "fundingRate": number, "fundingRateTimestamp": ms}

RISK_TIER: Final[Shape] = {
    "id": whole,
    "symbol": text,
    **each("riskLimitValue maintenanceMargin initialMargin maxLeverage", number),
    "isLowestRisk": whole,
    "mmDeduction": amount,
}

PRICE_LIMIT: Final[Shape] = {"symbol": text, **each("buyLmt sellLmt", number), "ts": ms}


def klines(bar: Kind) -> Shape:
    return {"symbol": text, "category": LINEAR, "list": [bar]}


MARKET: Final[dict[str, tuple[str, Kind]]] = {
    "time": ("", TIME),
    "instruments-info": ("category=linear", paged(INSTRUMENT)),
    "kline": ("category=linear&symbol=BTCUSDT&interval=1", klines(BAR)),
    "mark-price-kline": ("category=linear&symbol=BTCUSDT&interval=15", klines(PRICE_BAR)),
    "index-price-kline": ("category=linear&symbol=BTCUSDT&interval=60", klines(PRICE_BAR)),
    "premium-index-price-kline": ("category=linear&symbol=BTCUSDT&interval=60", klines(PRICE_BAR)),
    "funding/history": ("category=linear&symbol=BTCUSDT", listed(FUNDING_RATE)),
    "tickers": ("category=linear", listed(TICKER)),
    "orderbook": ("category=linear&symbol=BTCUSDT", ORDER_BOOK),
    "recent-trade": ("category=linear&symbol=BTCUSDT", listed(PUBLIC_TRADE)),
    "risk-limit": ("category=linear", paged(RISK_TIER)),
    "price-limit": ("category=linear&symbol=BTCUSDT", PRICE_LIMIT),
}
