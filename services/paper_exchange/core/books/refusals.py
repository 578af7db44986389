"""What the exchange refuses and in which words; clients read both the code and the text."""

from typing import Final

from libs.common.errors import Refused

BAD_PARAMETER: Final = 10001
LATE: Final = 10002
BAD_KEY: Final = 10003
BAD_SIGN: Final = 10004
NOT_ALLOWED: Final = 10005
TOO_MANY: Final = 10006
NO_ROUTE: Final = 10017
UNKNOWN_OP: Final = 10404
DUPLICATE_REQUEST: Final = 20006
NO_ORDER: Final = 110001
PRICE_RANGE: Final = 110003
NO_MONEY: Final = 110007
TOO_MANY_STOPS: Final = 110009
LIQUIDATES: Final = 110011
LEVERAGE_RANGE: Final = 110013
REDUCE_ONLY: Final = 110017
TOO_MANY_ORDERS: Final = 110020
POSITION_BLOCKS_MODE: Final = 110024
MODE_SAME: Final = 110025
MARGIN_MODE_SAME: Final = 110026
ORDERS_BLOCK_MODE: Final = 110028
LEVERAGE_SAME: Final = 110043
TOO_MANY_GUARDS: Final = 110061
DUPLICATE: Final = 110072
TIER_LEVERAGE: Final = 110090
RISE_BELOW: Final = 110092
FALL_ABOVE: Final = 110093
TOO_SMALL: Final = 110094
MARGIN_MODE_FAILED: Final = 3400045
STOP_SAME: Final = 34040

TEXTS: Final = {
    LATE: "invalid request, please check your server timestamp or recv_window param",
    BAD_KEY: "API key is invalid.",
    BAD_SIGN: "error sign! please check your signature generation algorithm.",
    NOT_ALLOWED: "Permission denied, please check your API key permissions.",
    TOO_MANY: "Too many visits!",
    NO_ROUTE: "Route not found",
    UNKNOWN_OP: "op type is not found",
    DUPLICATE_REQUEST: "Duplicate reqId",
    NO_ORDER: "order not exists or too late to cancel",
    PRICE_RANGE: "Order price exceeds the allowable range.",
    NO_MONEY: "ab not enough for new order",
    TOO_MANY_STOPS: "The number of stop orders exceeds the maximum allowable limit.",
    LIQUIDATES: "Liquidation will be triggered immediately by this adjustment.",
    LEVERAGE_RANGE: "cannot set leverage greater than the maximum of the risk limit",
    TOO_MANY_ORDERS: "The number of active orders exceeds the maximum allowable limit.",
    POSITION_BLOCKS_MODE: "You have an existing position, so position mode cannot be switched.",
    MODE_SAME: "Position mode is not modified",
    MARGIN_MODE_SAME: "Cross/isolated margin mode is not modified",
    ORDERS_BLOCK_MODE: "You have existing open orders, so position mode cannot be switched.",
    LEVERAGE_SAME: "leverage not modified",
    TOO_MANY_GUARDS: "The number of take profit and stop loss orders exceeds the maximum allowable limit.",
    TIER_LEVERAGE: "Order placement failed as your position may exceed the max limit. Please adjust your leverage.",
    DUPLICATE: "OrderLinkedID is duplicate",
    RISE_BELOW: "expect Rising, but trigger_price <= current price",
    FALL_ABOVE: "expect Falling, but trigger_price >= current price",
    TOO_SMALL: "Order does not meet minimum order value 5USDT",
    MARGIN_MODE_FAILED: "Set margin mode failed",
    STOP_SAME: "not modified",
}

FLAT_REDUCE: Final = "current position is zero, cannot fix reduce-only order qty"
WRONG_REDUCE: Final = "Reduce-only rule not satisfied"
NO_SYMBOL: Final = "Not supported symbols"
FLAT_STOP: Final = "can not set tp/sl/ts for zero position"
UNCHANGED_ORDER: Final = "The order remains unchanged as the parameters entered match the existing ones."
BELOW_MINIMUM: Final = "The number of contracts exceeds minimum limit allowed"
ABOVE_MAXIMUM: Final = "The number of contracts exceeds maximum limit allowed: too large"


def refusal(code: int, text: str = "") -> Refused:
    """Return the error to raise for `code`, in the venue's words unless others are given."""
    return Refused(text or TEXTS.get(code, "params error"), code)


def bad(text: str) -> Refused:
    """Return the error for a parameter that cannot be."""
    return Refused(text, BAD_PARAMETER)
