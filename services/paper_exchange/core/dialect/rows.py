"""Orders, executions, positions and the wallet in the venue's own words; every number is a string."""

from collections.abc import Callable, Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Final

from libs.common.exchange.market_types import Instrument
from libs.common.units import ZERO, Price, Side
from services.paper_exchange.core.books.amounts import average, money, plain
from services.paper_exchange.core.books.books import Books
from services.paper_exchange.core.books.changes import ClosedPart, Execution, MarginMode
from services.paper_exchange.core.books.fields import Json
from services.paper_exchange.core.books.funds import (
    available,
    equity,
    held,
    kept,
    liquidation_price,
    maintenance,
    margin_rates,
    order_margin,
    position_margin,
    profit,
    stake,
    total_profit,
)
from services.paper_exchange.core.books.order import Order
from services.paper_exchange.core.books.position import TAKER_FEE, Position
from services.paper_exchange.core.margin.margin import break_even, entry_margin
from services.paper_exchange.core.margin.tiers import tier_of, tiers

COIN: Final = "USDT"
_RATE: Final = Decimal("0.0001")
_CENTS: Final = Context(prec=15)
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
        "positionIdx": order.leg.value,
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
        "tpslMode": order.cover.value if order.guards or order.stop_loss or order.take_profit else "",
        "tpLimitPrice": plain(order.target_terms.limit),
        "slLimitPrice": plain(order.stop_terms.limit),
        "tpTriggerBy": order.target_terms.by.value if order.take_profit else "",
        "slTriggerBy": order.stop_terms.by.value if order.stop_loss else "",
        "triggerDirection": int(order.direction.value),
        "triggerBy": order.trigger_by.value if order.trigger else "",
        "lastPriceOnCreated": plain(order.last_on_created),
        "reduceOnly": order.reduce_only,
        "closeOnTrigger": order.close_on_trigger,
        "placeType": "",
        "smpType": "None",
        "smpGroup": 0,
        "smpOrderId": "",
        "slippageToleranceType": order.tolerance.kind.value if order.tolerance else "UNKNOWN",
        "slippageTolerance": plain(order.tolerance.value) if order.tolerance else "",
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


def closed_row(parts: Sequence[ClosedPart]) -> Json:
    """A row of position/closed-pnl: what the fills of one closing order earned together, oldest first."""
    last = parts[-1]

    def total(amount: Callable[[ClosedPart], Decimal]) -> Decimal:
        return sum(map(amount, parts), ZERO)

    closed = total(lambda part: part.closed)
    entry_value, exit_value = total(lambda part: part.entry_value), total(lambda part: part.exit_value)
    return {
        "symbol": last.symbol,
        "orderId": last.order_id,
        "side": last.action.value,
        "qty": plain(last.order_qty),
        "orderPrice": plain(last.order_price),
        "orderType": last.order_kind.value,
        "execType": last.kind.value,
        "closedSize": plain(closed),
        "cumEntryValue": plain(entry_value),
        "avgEntryPrice": plain(average(entry_value, closed)),
        "cumExitValue": plain(exit_value),
        "avgExitPrice": plain(average(exit_value, closed)),
        "closedPnl": plain(total(lambda part: part.pnl)),
        "fillCount": str(len(parts)),
        "leverage": plain(last.leverage),
        "openFee": plain(total(lambda part: part.entry_fees)),
        "closeFee": plain(total(lambda part: part.exit_fees)),
        "createdTime": str(parts[0].at),
        "updatedTime": str(last.at),
    }


def position_row(books: Books, position: Position) -> Json:
    """A row of position/list; the position stream renames avgPrice to entryPrice."""
    is_open = position.side is not None
    instrument, mark = books.instruments[position.symbol], books.mark[position.symbol]
    tier = tier_of(tiers(instrument), position.cost)
    margin, keep = plain(money(held(books, position))), plain(money(kept(books, position)))
    trailing = position.trailing
    return {
        "positionIdx": position.leg.value,
        "riskId": tier.number,
        "riskLimitValue": plain(tier.limit),
        "symbol": position.symbol,
        "side": _SIDES[position.side],
        "size": plain(position.size),
        "avgPrice": plain(position.entry),
        "positionValue": plain(position.cost),
        "leverage": plain(position.leverage),
        "markPrice": plain(mark),
        "liqPrice": plain(_on_tick(liquidation_price(books, position), instrument)),
        "breakEvenPrice": plain(_break_even(books, position)),
        "positionIM": margin,
        "positionIMByMp": margin,
        "positionMM": keep,
        "positionMMByMp": keep,
        "takeProfit": plain(position.take_profit),
        "stopLoss": plain(position.stop),
        "trailingStop": plain(trailing.distance) if trailing else "0",
        "unrealisedPnl": plain(profit(books, position)) if is_open else "",
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
        "tradeMode": 0,
        "tpslMode": "Full",
        "bustPrice": "",
        "positionBalance": plain(money(entry_margin(stake(books, position), TAKER_FEE))) if is_open else "0",
    }


def _on_tick(price: Price | None, instrument: Instrument) -> Price | None:
    return None if price is None else Price((price / instrument.tick).to_integral_value() * instrument.tick)


def _break_even(books: Books, position: Position) -> Price | None:
    if position.side is None:
        return None
    return Price(_CENTS.plus(break_even(stake(books, position), position.current_realised, TAKER_FEE)))


def wallet_row(books: Books) -> Json:
    """The one element of wallet-balance's list and of the wallet stream.

    Profits are exact, so that equity is the wallet and the positions' profits to the last digit that is shown.
    """
    balance, gained = books.totals.balance, total_profit(books)
    position_im, order_im, keep = (money(each(books)) for each in (position_margin, order_margin, maintenance))
    own, spare = plain(equity(books)), plain(max(ZERO, money(available(books))))
    im_rate, mm_rate = _rates(books)
    return {
        "accountType": "UNIFIED",
        "accountIMRate": im_rate,
        "accountMMRate": mm_rate,
        "accountIMRateByMp": im_rate,
        "accountMMRateByMp": mm_rate,
        "totalEquity": own,
        "totalWalletBalance": plain(balance),
        "totalMarginBalance": own,
        "totalAvailableBalance": spare,
        "totalPerpUPL": plain(gained),
        "totalInitialMargin": plain(position_im + order_im),
        "totalInitialMarginByMp": plain(position_im + order_im),
        "totalMaintenanceMarginByMp": plain(keep),
        "totalMaintenanceMargin": plain(keep),
        "accountLTV": "0",
        "coin": [
            {
                "coin": COIN,
                "equity": own,
                "usdValue": own,
                "walletBalance": plain(balance),
                "locked": "0",
                "borrowAmount": "0",
                "accruedInterest": "0",
                "totalOrderIM": plain(order_im),
                "totalPositionIM": plain(position_im),
                "totalPositionMM": plain(keep),
                "unrealisedPnl": plain(gained),
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


def _rates(books: Books) -> tuple[str, str]:
    """Margin rates mean something only where the whole account answers for its positions."""
    found = margin_rates(books) if books.account.margin_mode is MarginMode.CROSS else None
    if found is None:
        return "", ""
    initial, maintained = (rate.quantize(_RATE, ROUND_HALF_EVEN) for rate in found)
    return plain(initial), plain(maintained)
