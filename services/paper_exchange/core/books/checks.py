"""What the venue asks of an order before it takes it, in the order in which it asks."""

from decimal import Decimal
from typing import Final

from libs.common.exchange.market_types import Instrument
from libs.common.exchange.trading_types import Action
from libs.common.units import ZERO, Price, Qty, Side, Symbol, ceil_to, floor_to
from services.paper_exchange.core.books import refusals as no
from services.paper_exchange.core.books.books import Books
from services.paper_exchange.core.books.changes import Moment
from services.paper_exchange.core.books.funds import available, exposure, margin_of, resting
from services.paper_exchange.core.books.leg import Key, Leg
from services.paper_exchange.core.books.new_order import NewOrder
from services.paper_exchange.core.books.order import PARTIALS, Cover, Direction, Kind, Terms, TriggerBy
from services.paper_exchange.core.books.position import side_of
from services.paper_exchange.core.books.refusals import bad, refusal
from services.paper_exchange.core.margin.order_margin import Resting
from services.paper_exchange.core.margin.tiers import max_leverage_for, tiers
from services.paper_exchange.core.market.depth import Quote

MOST_ACTIVE: Final = 500
MOST_CONDITIONAL: Final = 10
MOST_PARTIALS: Final = 20  # partial stop losses and take profits
LIMIT_SIZES: Final = 10  # a limit order may be this many times the largest market order
REACH: Final = Decimal("0.1")  # a limit price may cross the market by this fraction


def listed(books: Books, symbol: Symbol, moment: Moment) -> Instrument:
    """Return the instrument; raises Refused when it does not trade at this moment."""
    instrument = books.instruments.get(symbol)
    if instrument is None or instrument.launched > moment.market or symbol not in books.last:
        raise bad(no.NO_SYMBOL)
    return instrument


def check_leg(books: Books, symbol: Symbol, leg: Leg) -> None:
    """Refuse a positionIdx that the symbol's mode does not have."""
    if leg not in books.legs(symbol):
        raise bad("params error: position idx not match position mode")


def check_order(books: Books, new: NewOrder, instrument: Instrument, quote: Quote) -> None:
    """Raise Refused with the venue's code and words if `new` may not be."""
    if new.link_id and new.link_id in books.link_ids:
        raise refusal(no.DUPLICATE)
    check_leg(books, new.symbol, new.leg)
    if new.reduces:
        _check_reducing(books, new)
    check_qty(new.qty, new.kind, instrument)
    if new.price is not None:
        check_price(new.price, new.action, instrument, quote)
    if new.trigger is not None:
        check_trigger(new.trigger, new.direction, new.trigger_by, instrument, quote)
    base = new.price or new.trigger or quote.last
    if not new.reduces and new.qty * base < instrument.min_notional:
        raise refusal(no.TOO_SMALL)
    check_sides(side_of(new.action), base, new.stop_loss, new.take_profit, instrument)
    check_terms(new.stop_terms, new.target_terms, instrument)
    _check_counts(books, new)
    if not new.reduces and new.trigger is None:
        price = new.price or quote.touch(new.action)
        check_margin(books, (new.symbol, new.leg), Resting(side_of(new.action), new.qty, price))


def check_qty(qty: Qty, kind: Kind, instrument: Instrument) -> None:
    if qty % instrument.qty_step:
        raise bad("Qty invalid")
    if qty < instrument.min_qty:
        raise bad(no.BELOW_MINIMUM)
    if qty > instrument.max_market_qty * (1 if kind is Kind.MARKET else LIMIT_SIZES):
        raise bad(no.ABOVE_MAXIMUM)


def price_limits(quote: Quote, instrument: Instrument) -> tuple[Price, Price]:
    """Return the lowest price that may be sold at and the highest that may be bought at."""
    low, high = quote.last * (1 - REACH), quote.last * (1 + REACH)
    return Price(max(ceil_to(low, instrument.tick), instrument.tick)), Price(floor_to(high, instrument.tick))


def check_price(price: Price, action: Action, instrument: Instrument, quote: Quote) -> None:
    check_tick(price, instrument)
    low, high = price_limits(quote, instrument)
    if (action is Action.BUY and price > high) or (action is Action.SELL and price < low):
        raise refusal(no.PRICE_RANGE)


def check_tick(price: Price, instrument: Instrument) -> None:
    if price % instrument.tick:
        raise bad("Price invalid")


def check_trigger(trigger: Price, direction: Direction, by: TriggerBy, instrument: Instrument, quote: Quote) -> None:
    check_tick(trigger, instrument)
    now = quote.last if by is TriggerBy.LAST else quote.mark
    if direction is Direction.RISE and trigger <= now:
        raise refusal(no.RISE_BELOW)
    if direction is Direction.FALL and trigger >= now:
        raise refusal(no.FALL_ABOVE)


def check_sides(side: Side, base: Price, stop: Price | None, take_profit: Price | None, instrument: Instrument) -> None:
    """Refuse a stop that would trigger at once and a target that is reached already."""
    trader = Action.opening(side).value
    for name, price, above in (("StopLoss", stop, side is Side.SHORT), ("TakeProfit", take_profit, side is Side.LONG)):
        if price is None:
            continue
        check_tick(price, instrument)
        if (price <= base) if above else (price >= base):
            word = "higher" if above else "lower"
            raise bad(f"{name}:{price:f} set for {trader} position should {word} than base_price:{base:f}??LastPrice")


def check_terms(stop: Terms, target: Terms, instrument: Instrument) -> None:
    """Refuse limits of stop losses and take profits that are not on the tick."""
    for limit in (stop.limit, target.limit):
        if limit is not None:
            check_tick(limit, instrument)


def check_margin(books: Books, key: Key, new: Resting, *, but: str = "") -> None:
    """Refuse to open more than the tier's leverage or the available balance allows.

    `new` takes the place of the resting order whose id is `but`, if any; it needs its margin and the fees of both ends.
    """
    orders = [*resting(books, key, but=but), new]
    more = margin_of(books, key, orders) - margin_of(books, key, resting(books, key))
    if more <= ZERO:
        return
    if books.position(*key).leverage > max_leverage_for(tiers(books.instruments[key[0]]), exposure(books, key, orders)):
        raise refusal(no.TIER_LEVERAGE)
    if more > available(books):
        raise refusal(no.NO_MONEY)


def _check_reducing(books: Books, new: NewOrder) -> None:
    if new.reduce_only and (new.stop_loss is not None or new.take_profit is not None):
        raise bad("params error: reduce-only order cannot set tp/sl")
    if new.trigger is not None and not new.reduce_only:
        return  # a closing conditional order may wait for its position
    side = books.position(new.symbol, new.leg).side
    if side is None:
        raise refusal(no.REDUCE_ONLY, no.FLAT_REDUCE)
    if side is side_of(new.action):
        raise refusal(no.REDUCE_ONLY, no.WRONG_REDUCE)


def _check_counts(books: Books, new: NewOrder) -> None:
    waiting = [order for order in books.open_orders(new.symbol) if not order.guards]
    conditional = sum(order.waits for order in waiting)
    if new.trigger is None and len(waiting) - conditional >= MOST_ACTIVE:
        raise refusal(no.TOO_MANY_ORDERS)
    if new.trigger is not None and conditional >= MOST_CONDITIONAL:
        raise refusal(no.TOO_MANY_STOPS)
    if new.cover is Cover.PARTIAL:
        check_partial(books, new.symbol, (new.stop_loss is not None) + (new.take_profit is not None))


def check_partial(books: Books, symbol: Symbol, more: int) -> None:
    """Refuse more partial stop losses and take profits than a symbol may have."""
    if more and sum(o.stop_kind in PARTIALS for o in books.open_orders(symbol)) + more > MOST_PARTIALS:
        raise refusal(no.TOO_MANY_GUARDS)
