"""An account in cross margin that is not looked at as a whole at every tick fails when one that is would."""

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from libs.common.errors import Refused
from libs.common.units import Price, Symbol
from services.paper_exchange.core.books.funds import has_failed
from services.paper_exchange.core.books.slack import fails
from tests.support.scripted_market import BTC, ETH
from tests.support.trading_floor import Floor

FIRST = {BTC: Decimal(100), ETH: Decimal(10)}

symbols = st.sampled_from([BTC, ETH])
orders = st.lists(st.tuples(symbols, st.sampled_from(["Buy", "Sell"]), st.integers(1, 400)), min_size=1, max_size=5)
steps = st.tuples(
    symbols, st.integers(-250, 300), st.integers(-20, 20)
)  # thousandths of the first price, and the mark's


@settings(max_examples=200)
@given(st.integers(20, 2_000), st.booleans(), orders, st.lists(steps, max_size=40))
def test_an_account_fails_at_the_tick_at_which_it_has_failed(
    balance: int, hedged: bool, wanted: list[tuple[Symbol, str, int]], walk: list[tuple[Symbol, int, int]]
) -> None:
    books = traded(balance, hedged, wanted).books
    for symbol, step, basis in walk:
        last = FIRST[symbol] * (1000 + step) / 1000
        books.tick(symbol, Price(last), Price(last * (1000 + basis) / 1000))
        assert fails(books, symbol) == (bool(books.open_positions(symbol)) and has_failed(books))


def traded(balance: int, hedged: bool, wanted: list[tuple[Symbol, str, int]]) -> Floor:
    """An account in cross margin that has got what it could: sizes are fiftieths of a BTC or fifths of an ETH."""
    floor = Floor(balance=str(balance))
    floor.asks("account/set-margin-mode", setMarginMode="REGULAR_MARGIN")
    if hedged:
        floor.asks("position/switch-mode", symbol="", coin="USDT", mode=3)
    for symbol, side, size in wanted:
        leg = (1 if side == "Buy" else 2) if hedged else 0
        qty = str(Decimal(size) / (50 if symbol == BTC else 5))
        try:
            floor.orders(side, qty, symbol=symbol, positionIdx=leg)
        except Refused:
            continue
    return floor
