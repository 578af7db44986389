"""Orders, executions, positions and the wallet in the venue's own words; every number is a string."""

from decimal import Decimal
from typing import Final

from libs.common.exchange.market_types import Instrument
from libs.common.units import ZERO, Price, Side
from services.paper_exchange.core.amounts import average, money, plain
from services.paper_exchange.core.books import Books
from services.paper_exchange.core.changes import ClosedPart, Execution
from services.paper_exchange.core.fields import Json
from services.paper_exchange.core.order import Order
from services.paper_exchange.core.position import (
    TAKER_FEE,
    Position,
    bankruptcy_price,
    liquidation_price,
    maintenance_rate,
    unrealised,
)

COIN: Final = "USDT"
_SIDES: Final = {None: "", Side.LONG: "Buy", Side.SHORT: "Sell"}


def order_row(order: Order) -> Json:
    """A row of order/realtime, order/history and the order stream."""
    leaves = order.leaves
    return {
        "orderId": order.order_id,
        "orderLinkId": order.link_id,
        "parentOrderLinkId": "",
        "blockTradeId": "",
        "symbol": order.symbol,
        "price": plain(order.price or ZERO),
        "qty": plain(order.qty),
        "side": order.action.value,
        "isLeverage": "",
        "positionIdx": 0,
        "orderStatus": order.status.value,
        "createType": order.creator.value,
        "cancelType": order.cancel_reason.value,
        "rejectReason": order.reject_reason,
        "avgPrice": plain(average(order.filled_value, order.filled)) if order.filled else "",
        "leavesQty": plain(leaves),
        "leavesValue": plain(leaves * (order.price or order.trigger or ZERO)),
        "cumExecQty": plain(order.filled),
        "cumExecValue": plain(order.filled_value),
        "cumExecFee": plain(order.fee),
        "cumFeeDetail": {COIN: plain(order.fee)} if order.filled else {},
        "timeInForce": order.in_force.value,
        "orderType": order.kind.value,
        "stopOrderType": order.stop_kind.value,
        "orderIv": "",
        "marketUnit": "",
        "triggerPrice": plain(order.trigger),
        "takeProfit": plain(order.take_profit),
        "stopLoss": plain(order.stop_loss),
        "tpslMode": "Full" if order.guards or order.stop_loss or order.take_profit else "",
        "tpLimitPrice": "",
        "slLimitPrice": "",
        "tpTriggerBy": "LastPrice" if order.take_profit else "",
        "slTriggerBy": "LastPrice" if order.stop_loss else "",
        "triggerDirection": int(order.direction.value),
        "triggerBy": "LastPrice" if order.trigger else "",
        "lastPriceOnCreated": plain(order.last_on_created),
        "reduceOnly": order.reduce_only,
        "closeOnTrigger": order.close_on_trigger,
        "placeType": "",
        "smpType": "None",
        "smpGroup": 0,
        "smpOrderId": "",
        "slippageToleranceType": "UNKNOWN",
        "slippageTolerance": "",
        "extraFees": "",
        "createdTime": str(order.created_at),
        "updatedTime": str(order.updated_at),
        "rpiTakerAccess": False,
        "rpiMatchedQty": "0",
    }


def execution_row(done: Execution) -> Json:
    """A row of execution/list and the execution stream."""
    return {
        "symbol": done.symbol,
        "orderId": done.order_id,
        "orderLinkId": done.link_id,
        "side": done.action.value,
        "orderPrice": plain(done.order_price),
        "orderQty": plain(done.order_qty),
        "leavesQty": plain(done.leaves),
        "createType": done.creator.value if done.order_kind else "",
        "orderType": done.order_kind.value if done.order_kind else "UNKNOWN",
        "stopOrderType": done.stop_kind.value or "UNKNOWN",
        "execFee": plain(done.fee),
        "execId": done.exec_id,
        "execPrice": plain(done.price),
        "execQty": plain(done.qty),
        "execType": done.kind.value,
        "execValue": plain(done.qty * done.price),
        "execTime": str(done.at),
        "feeCurrency": "",
        "isMaker": done.maker,
        "feeRate": plain(done.rate),
        "tradeIv": "",
        "markIv": "",
        "markPrice": plain(done.mark),
        "indexPrice": plain(done.mark),
        "underlyingPrice": "",
        "blockTradeId": "",
        "closedSize": plain(done.closed),
        "extraFees": "",
        "seq": done.seq,
    }


def closed_row(part: ClosedPart) -> Json:
    """A row of position/closed-pnl."""
    return {
        "symbol": part.symbol,
        "orderId": part.order_id,
        "side": part.action.value,
        "qty": plain(part.order_qty),
        "orderPrice": plain(part.order_price),
        "orderType": part.order_kind.value,
        "execType": part.kind.value,
        "closedSize": plain(part.closed),
        "cumEntryValue": plain(part.entry_value),
        "avgEntryPrice": plain(average(part.entry_value, part.closed)),
        "cumExitValue": plain(part.exit_value),
        "avgExitPrice": plain(average(part.exit_value, part.closed)),
        "closedPnl": plain(part.pnl),
        "fillCount": "1",
        "leverage": plain(part.leverage),
        "openFee": plain(part.entry_fees),
        "closeFee": plain(part.exit_fees),
        "createdTime": str(part.at),
        "updatedTime": str(part.at),
    }


def position_row(position: Position, mark: Price, instrument: Instrument) -> Json:
    """A row of position/list; the position stream renames avgPrice to entryPrice."""
    is_open = position.side is not None
    margin = plain(money(position.margin))
    keep = plain(money(position.cost * maintenance_rate(instrument)))
    return {
        "positionIdx": 0,
        "riskId": 1,
        "riskLimitValue": "2000000",
        "symbol": position.symbol,
        "side": _SIDES[position.side],
        "size": plain(position.size),
        "avgPrice": plain(position.entry),
        "positionValue": plain(position.cost),
        "leverage": plain(position.leverage),
        "markPrice": plain(mark),
        "liqPrice": plain(_on_tick(liquidation_price(position, instrument), instrument)),
        "breakEvenPrice": plain(_break_even(position)),
        "positionIM": margin,
        "positionIMByMp": margin,
        "positionMM": keep,
        "positionMMByMp": keep,
        "takeProfit": plain(position.take_profit),
        "stopLoss": plain(position.stop),
        "trailingStop": "0",
        "unrealisedPnl": plain(money(unrealised(position, mark))) if is_open else "",
        "curRealisedPnl": plain(position.current_realised),
        "cumRealisedPnl": plain(position.realised),
        "positionStatus": "Normal",
        "adlRankIndicator": 0,
        "autoAddMargin": 0,
        "isReduceOnly": False,
        "mmrSysUpdatedTime": "",
        "leverageSysUpdatedTime": "",
        "sessionAvgPrice": "",
        "createdTime": str(position.opened_at),
        "updatedTime": str(position.updated_at),
        "openTime": position.opened_at if is_open else 0,
        "seq": position.seq,
        "tradeMode": 1,
        "tpslMode": "Full",
        "bustPrice": plain(_on_tick(bankruptcy_price(position), instrument)) if is_open else "",
        "positionBalance": margin,
    }


def _on_tick(price: Price | None, instrument: Instrument) -> Price | None:
    return None if price is None else Price((price / instrument.tick).to_integral_value() * instrument.tick)


def _break_even(position: Position) -> Decimal | None:
    if position.side is None:
        return None
    sign = position.side.sign
    kept = position.cost - sign * position.current_realised
    return average(kept, position.size * (1 - sign * TAKER_FEE))


def wallet_row(books: Books) -> Json:
    """The one element of wallet-balance's list and of the wallet stream."""
    opened = books.open_positions()
    balance = books.totals.balance
    profit = money(sum((unrealised(p, books.mark[p.symbol]) for p in opened), ZERO))
    held, ordered = money(books.position_margin()), money(books.order_margin())
    keep = money(sum((p.cost * maintenance_rate(books.instruments[p.symbol]) for p in opened), ZERO))
    equity = plain(balance + profit)
    return {
        "accountType": "UNIFIED",
        "accountIMRate": "",
        "accountMMRate": "",
        "accountIMRateByMp": "",
        "accountMMRateByMp": "",
        "totalEquity": equity,
        "totalWalletBalance": plain(balance),
        "totalMarginBalance": equity,
        "totalAvailableBalance": plain(max(ZERO, money(books.available()))),
        "totalPerpUPL": plain(profit),
        "totalInitialMargin": plain(held + ordered),
        "totalMaintenanceMargin": plain(keep),
        "accountLTV": "0",
        "coin": [
            {
                "coin": COIN,
                "equity": equity,
                "usdValue": equity,
                "walletBalance": plain(balance),
                "locked": "0",
                "borrowAmount": "0",
                "accruedInterest": "0",
                "totalOrderIM": plain(ordered),
                "totalPositionIM": plain(held),
                "totalPositionMM": plain(keep),
                "unrealisedPnl": plain(profit),
                "cumRealisedPnl": plain(balance - books.totals.start),
                "bonus": "0",
                "spotBorrow": "0",
                "spotHedgingQty": "0",
                "marginCollateral": True,
                "collateralSwitch": True,
                "availableToWithdraw": "",
                "availableToBorrow": "",
            }
        ],
    }
