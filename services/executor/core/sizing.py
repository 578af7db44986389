"""How much to buy, and where the first stop lies.

1. The loss at the first stop is at most `risk_per_trade` of equity, before costs; sizes are rounded down.
2. No position takes more than its equal share of the slots, nor more than the margin that is free.
3. The first stop lies 0.3 to 10 % from the price, and liquidation at least 1.5 times as far.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from libs.common.exchange.market_types import Instrument
from libs.common.units import Fraction, Price, Qty, Side, Usd, floor_to
from services.executor.core.stops import on_tick

NEAREST: Final = Decimal("0.003")
FARTHEST: Final = Decimal("0.10")
LIQUIDATION_ROOM: Final = Decimal("1.5")
# Of the notional, kept aside for the fees of both ways and a price that moves before the fill.
COSTS: Final = Decimal("0.004")
# Above the maintenance margin of every tier that a position of ours can reach.
MAINTENANCE: Final = Decimal("0.02")


@dataclass(frozen=True, slots=True)
class Risk:
    risk_per_trade: Fraction
    stop_atr: Fraction
    leverage: Fraction
    max_positions: int


@dataclass(frozen=True, slots=True)
class Sized:
    qty: Qty
    stop: Price
    margin: Usd  # initial margin with costs
    leverage: Fraction


@dataclass(frozen=True, slots=True)
class TooSmall:
    """Nothing that the venue takes is within the limits; `reason` says which limit."""

    reason: str


def first_stop(side: Side, price: Price, atr: Price, tick: Price, stop_atr: Fraction) -> Price:
    """Return the first stop, on the tick grid, within 0.3 to 10 % of `price`."""
    distance = min(max(atr * stop_atr, price * NEAREST), price * FARTHEST)
    stop = on_tick(side, Price(price - side.sign * distance), tick)
    if abs(price - stop) < price * NEAREST:  # rounding brought it too near
        return Price(stop - side.sign * tick)
    return stop


def size(
    side: Side,
    price: Price,
    atr: Price,
    instrument: Instrument,
    risk: Risk,
    *,
    equity: Usd,
    free_margin: Usd,
    multiplier: Fraction,
) -> Sized | TooSmall:
    """Return the quantity, the stop and the margin of an entry at about `price`."""
    leverage = Fraction(min(risk.leverage, instrument.max_leverage))
    stop = first_stop(side, price, atr, instrument.tick, risk.stop_atr)
    distance = abs(price - stop)
    if not 0 < distance <= price * FARTHEST:
        return TooSmall(f"no stop within 10 % of {price} on a tick of {instrument.tick}")
    if price / leverage - price * MAINTENANCE < LIQUIDATION_ROOM * distance:
        return TooSmall(f"at leverage {leverage} liquidation is nearer than 1.5 times the stop at {stop}")
    budget = max(Decimal(0), min(equity / risk.max_positions, free_margin))
    per_unit = price * (1 / leverage + COSTS)
    wanted = min(risk.risk_per_trade * equity * multiplier / distance, budget / per_unit, instrument.max_market_qty)
    qty = Qty(floor_to(max(wanted, Decimal(0)), instrument.qty_step))
    if qty < instrument.min_qty or qty <= 0:
        return TooSmall(f"{qty} is below the venue's minimum of {instrument.min_qty}")
    if qty * price < instrument.min_notional:
        return TooSmall(f"{qty * price} USDT is below the venue's minimum of {instrument.min_notional}")
    return Sized(qty, stop, Usd(qty * per_unit), leverage)
