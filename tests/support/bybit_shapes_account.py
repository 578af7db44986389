"""The documented answers of the venue's signed side, field by field: orders, executions, positions, account."""

from typing import Final

from tests.support.bybit_kinds import (
    Kind,
    Shape,
    amount,
    each,
    exactly,
    fees,
    flag,
    maybe_uuid,
    moment,
    ms,
    number,
    one_of,
    permissions,
    text,
    uuid,
    whole,
)
from tests.support.bybit_shapes_market import SIDE, paged

TRIGGER: Final = one_of("- LastPrice MarkPrice IndexPrice UNKNOWN")
STATUS: Final = one_of("New PartiallyFilled Untriggered Filled Cancelled Rejected Triggered Deactivated")
STOP: Final = one_of("- UNKNOWN TakeProfit StopLoss TrailingStop Stop PartialTakeProfit PartialStopLoss")
CREATED_BY: Final = one_of(
    "- UNKNOWN CreateByUser CreateByClosing CreateByStopOrder CreateByTakeProfit CreateByStopLoss"
    " CreateByPartialTakeProfit CreateByPartialStopLoss CreateByTrailingStop CreateByLiq CreateByTakeOver_PassThrough"
)
CANCELLED_BY: Final = one_of(
    "UNKNOWN CancelByUser CancelByReduceOnly CancelByTpSlTsClear CancelAllBeforeLiq CancelByAdmin"
)
ORDER_TYPE: Final = one_of("Market Limit")

IDS: Final[Shape] = {"orderId": uuid, "orderLinkId": text}
CANCELLED: Final[Shape] = {"list": [IDS], "success": exactly("1")}

ORDER: Final[Shape] = {
    "orderId": uuid,
    **each("orderLinkId parentOrderLinkId symbol", text),
    **each("blockTradeId isLeverage orderIv placeType extraFees", exactly("")),
    "marketUnit": text,
    **each("price qty leavesQty leavesValue cumExecQty cumExecValue cumExecFee", number),
    "cumFeeDetail": fees,
    "side": SIDE,
    "positionIdx": whole,
    "orderStatus": STATUS,
    "createType": CREATED_BY,
    "cancelType": CANCELLED_BY,
    "rejectReason": text,
    "avgPrice": amount,
    "timeInForce": one_of("GTC IOC FOK PostOnly"),
    "orderType": ORDER_TYPE,
    "stopOrderType": STOP,
    **each("triggerPrice takeProfit stopLoss tpLimitPrice slLimitPrice lastPriceOnCreated", amount),
    "tpslMode": one_of("- Full Partial UNKNOWN"),
    **each("tpTriggerBy slTriggerBy triggerBy", TRIGGER),
    "triggerDirection": whole,
    **each("reduceOnly closeOnTrigger", flag),
    "smpType": exactly("None"),
    "smpGroup": exactly(0),
    "smpOrderId": exactly(""),
    "slippageToleranceType": one_of("UNKNOWN TickSize Percent"),
    "slippageTolerance": amount,
    **each("createdTime updatedTime", ms),
    "rpiTakerAccess": flag,
    "rpiMatchedQty": amount,
}

EXECUTION: Final[Shape] = {
    **each("symbol orderLinkId", text),
    "orderId": maybe_uuid,
    "execId": uuid,
    "side": SIDE,
    **each("orderPrice orderQty leavesQty execFee execPrice execQty execValue feeRate", number),
    "createType": CREATED_BY,
    "orderType": one_of("Market Limit UNKNOWN"),
    "stopOrderType": STOP,
    "execType": one_of("Trade Funding BustTrade AdlTrade Settle"),
    "execTime": ms,
    **each("feeCurrency tradeIv markIv underlyingPrice blockTradeId extraFees", exactly("")),
    "isMaker": flag,
    **each("markPrice indexPrice closedSize", amount),
    "seq": whole,
}

CLOSED_PNL: Final[Shape] = {
    "symbol": text,
    "orderId": uuid,
    "side": SIDE,
    **each("qty orderPrice closedSize cumEntryValue avgEntryPrice cumExitValue avgExitPrice closedPnl", number),
    "orderType": ORDER_TYPE,
    "execType": one_of("Trade BustTrade AdlTrade Settle"),
    **each("fillCount leverage openFee closeFee", number),
    **each("createdTime updatedTime", ms),
}

POSITION: Final[Shape] = {
    **each("positionIdx riskId adlRankIndicator autoAddMargin seq", whole),
    "tradeMode": exactly(0),
    "riskLimitValue": number,
    "symbol": text,
    "side": one_of("- Buy Sell"),
    **each("size leverage markPrice", number),
    **each("avgPrice positionValue liqPrice breakEvenPrice takeProfit stopLoss trailingStop sessionAvgPrice", amount),
    **each("positionIM positionIMByMp positionMM positionMMByMp positionBalance", amount),
    **each("unrealisedPnl curRealisedPnl cumRealisedPnl", amount),
    "positionStatus": one_of("Normal Liq Adl"),
    "isReduceOnly": flag,
    **each("mmrSysUpdatedTime leverageSysUpdatedTime createdTime updatedTime", moment),
    "openTime": whole,
    "tpslMode": exactly("Full"),
    "bustPrice": exactly(""),
}

COIN: Final[Shape] = {
    "coin": exactly("USDT"),
    **each("equity usdValue walletBalance locked borrowAmount accruedInterest unrealisedPnl cumRealisedPnl", number),
    **each("totalOrderIM totalPositionIM totalPositionMM bonus spotBorrow spotHedgingQty", number),
    **each("marginCollateral collateralSwitch", flag),
    **each("availableToWithdraw availableToBorrow", exactly("")),
}

WALLET: Final[Shape] = {
    "accountType": exactly("UNIFIED"),
    **each("accountIMRate accountMMRate accountIMRateByMp accountMMRateByMp", amount),
    **each("totalInitialMarginByMp totalMaintenanceMarginByMp", amount),
    **each("totalEquity totalWalletBalance totalMarginBalance totalAvailableBalance totalPerpUPL", number),
    **each("totalInitialMargin totalMaintenanceMargin accountLTV", number),
    "coin": [COIN],
}

ACCOUNT: Final[Shape] = {
    "marginMode": one_of("ISOLATED_MARGIN REGULAR_MARGIN PORTFOLIO_MARGIN"),
    "unifiedMarginStatus": whole,
    "updatedTime": moment,
    **each("dcpStatus spotHedgingStatus", exactly("OFF")),
    **each("timeWindow smpGroup", whole),
    "isMasterTrader": exactly(False),
}

FEE_RATE: Final[Shape] = {"symbol": text, **each("takerFeeRate makerFeeRate", number)}

KEY: Final[Shape] = {
    **each("id note apiKey vipLevel", text),
    "readOnly": exactly(0),
    "secret": exactly(""),
    "permissions": permissions,
    "ips": [text],
    **each("type deadlineDay unified uta userID", whole),
    **each("expiredAt createdAt", text),
    "isMaster": flag,
}

ASKED: Final[dict[str, tuple[str, Kind]]] = {
    "order/realtime": ("category=linear&symbol=BTCUSDT", paged(ORDER)),
    "order/history": ("category=linear&symbol=BTCUSDT", paged(ORDER)),
    "execution/list": ("category=linear&symbol=BTCUSDT", paged(EXECUTION)),
    "position/list": ("category=linear&symbol=BTCUSDT", paged(POSITION)),
    "position/closed-pnl": ("category=linear&symbol=BTCUSDT", paged(CLOSED_PNL)),
    "account/wallet-balance": ("accountType=UNIFIED", {"list": [WALLET]}),
    "account/info": ("", ACCOUNT),
    "account/fee-rate": ("category=linear&symbol=BTCUSDT", {"list": [FEE_RATE]}),
    "user/query-api": ("", KEY),
    "asset/coin/query-info": ("", {"rows": [text]}),
}
