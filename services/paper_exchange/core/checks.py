"""What the venue asks of an order before it takes it, in the order in which it asks."""

from decimal import Decimal
from typing import Final

from libs.common.exchange.market_types import Instrument
from libs.common.exchange.trading_types import Action
from libs.common.units import ZERO, Price, Qty, Side, Symbol, Usd
from services.paper_exchange.core import refusals as no
from services.paper_exchange.core.books import Books
from services.paper_exchange.core.changes import Moment
from services.paper_exchange.core.depth import Quote
from services.paper_exchange.core.new_order import NewOrder
from services.paper_exchange.core.order import Direction, Kind
from services.paper_exchange.core.position import TAKER_FEE, side_of
from services.paper_exchange.core.refusals import bad, refusal

MOST_ACTIVE: Final = 500
MOST_CONDITIONAL: Final = 10
LIMIT_SIZES: Final = 10  # a limit order may be this many times the largest market order
REACH: Final = Decimal("0.1")  # a limit price may cross the market by this fraction


def listed(books: Books, symbol: Symbol, moment: Moment) -> Instrument:
    """Return the instrument; raises Refused when it does not trade at this moment."""
    instrument = books.instruments.get(symbol)
    if instrument is None or instrument.launched > moment.market or symbol not in books.last:
        raise bad(no.NO_SYMBOL)
    return instrument


def check_order(books: Books, new: NewOrder, instrument: Instrument, quote: Quote) -> None:
    """Raise Refused with the venue's code and words if `new` may not be."""
    if new.link_id and new.link_id in books.link_ids:
        raise refusal(no.DUPLICATE)
    if new.reduce_only:
        _check_reduce_only(books, new)
    check_qty(new.qty, new.kind, instrument)
    if new.price is not None:
        check_price(new.price, new.action, instrument, quote)
    if new.trigger is not None:
        check_trigger(new.trigger, new.direction, instrument, quote)
    if not new.reduce_only and new.qty * (new.price or quote.last) < instrument.min_notional:
        raise refusal(no.TOO_SMALL)
    check_sides(side_of(new.action), new.price or quote.last, new.stop_loss, new.take_profit, instrument)
    _check_counts(books, new)
    if not new.reduce_only and new.trigger is None:
        check_margin(books, new.symbol, new.action, new.qty, new.price or quote.touch(new.action))


def check_qty(qty: Qty, kind: Kind, instrument: Instrument) -> None:
    if qty % instrument.qty_step:
        raise bad("Qty invalid")
    if qty < instrument.min_qty:
        raise bad(no.BELOW_MINIMUM)
    if qty > instrument.max_market_qty * (1 if kind is Kind.MARKET else LIMIT_SIZES):
        raise bad(no.ABOVE_MAXIMUM)


def check_price(price: Price, action: Action, instrument: Instrument, quote: Quote) -> None:
    check_tick(price, instrument)
    too_high = action is Action.BUY and price > quote.last * (1 + REACH)
    too_low = action is Action.SELL and price < quote.last * (1 - REACH)
    if too_high or too_low:
        raise refusal(no.PRICE_RANGE)


def check_tick(price: Price, instrument: Instrument) -> None:
    if price % instrument.tick:
        raise bad("Price invalid")


def check_trigger(trigger: Price, direction: Direction, instrument: Instrument, quote: Quote) -> None:
    check_tick(trigger, instrument)
    if direction is Direction.RISE and trigger <= quote.last:
        raise refusal(no.RISE_BELOW)
    if direction is Direction.FALL and trigger >= quote.last:
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


def check_margin(books: Books, symbol: Symbol, action: Action, qty: Qty, price: Price) -> None:
    """Refuse what opens more than the available balance carries."""
    check_value(books, symbol, opening_value(books, symbol, action, qty, price))


def opening_value(books: Books, symbol: Symbol, action: Action, qty: Qty, price: Price) -> Usd:
    """Return the value of what `qty` opens beyond closing the position that stands against it."""
    position = books.position(symbol)
    reduces = position.size if position.side not in {None, side_of(action)} else Qty(ZERO)
    return Usd(max(ZERO, qty - reduces) * price)


def check_value(books: Books, symbol: Symbol, value: Usd) -> None:
    """Refuse to open `value` more than the available balance carries: margin, and the fees of both ends."""
    if value > ZERO and value / books.position(symbol).leverage + 2 * value * TAKER_FEE > books.available():
        raise refusal(no.NO_MONEY)


def _check_reduce_only(books: Books, new: NewOrder) -> None:
    if new.stop_loss is not None or new.take_profit is not None:
        raise bad("params error: reduce-only order cannot set tp/sl")
    side = books.position(new.symbol).side
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
