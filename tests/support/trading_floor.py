"""Books over a scripted market, spoken to in the venue's own words."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from pydantic import JsonValue

from libs.common.units import Instant, Usd
from services.paper_exchange.core.books.books import Books, Saved
from services.paper_exchange.core.books.changes import Executed, Execution, Moment, Totals
from services.paper_exchange.core.books.commands import COMMANDS
from services.paper_exchange.core.books.fields import Fields, Json
from services.paper_exchange.core.books.leg import Leg
from services.paper_exchange.core.books.moves import on_settlement, on_tick
from services.paper_exchange.core.books.order import Order
from services.paper_exchange.core.books.position import Position
from services.paper_exchange.core.market.depth import Depths
from services.paper_exchange.core.market.market import Settlement, Tick
from tests.support.scripted_market import BTC, START, ScriptedMarket, prices


def new_books(market: ScriptedMarket, *, balance: str = "1000", seed: int = 7) -> Books:
    """Fresh books with the market's first prices."""
    money = Usd(Decimal(balance))
    instruments = {listed.symbol: listed for listed in market.instruments}
    books = Books.load(Saved(Totals(start=money, balance=money)), instruments, Depths(market), seed)
    books.last, books.mark = dict(market.first), dict(market.first)
    return books


BTC_ONLY = (BTC, Leg.ONE_WAY)


@dataclass
class Floor:
    """`asks` sends a request; `moves` lets the market tick; both at the same growing market time."""

    market: ScriptedMarket = field(default_factory=ScriptedMarket)
    balance: str = "1000"
    books: Books = field(init=False)
    now: Moment = field(default_factory=lambda: Moment(START, START, 0))

    def __post_init__(self) -> None:
        self.books = new_books(self.market, balance=self.balance)

    def asks(self, path: str, **fields: JsonValue) -> Json:
        return COMMANDS[f"/v5/{path}"](self.books, Fields({"category": "linear", "symbol": BTC, **fields}), self.now)

    def buys(self, qty: str = "1", **fields: JsonValue) -> Order | None:
        return self.orders("Buy", qty, **fields)

    def sells(self, qty: str = "1", **fields: JsonValue) -> Order | None:
        return self.orders("Sell", qty, **fields)

    def orders(self, side: str, qty: str, **fields: JsonValue) -> Order | None:
        """Send a market order (or what the fields say) and return it if it is still open."""
        made = self.asks("order/create", **{"side": side, "orderType": "Market", "qty": qty, **fields})
        return self.open_order(str(made["orderId"]))

    def open_order(self, order_id: str) -> Order | None:
        return next((order for order in self.books.open_orders() if order.order_id == order_id), None)

    def moves(self, *values: str) -> None:
        """Let BTCUSDT tick through these prices, a second apart."""
        self.ticks(prices(*values, after=self.now.market))

    def ticks(self, ticks: Sequence[Tick]) -> None:
        for tick in ticks:
            self.now = replace(self.now, market=tick.at, wall=Instant(self.now.wall + 1), up_ms=self.now.up_ms + 1)
            on_tick(self.books, tick, self.now)

    def settles(self, rate: str) -> None:
        on_settlement(self.books, Settlement(self.now.market, BTC, Decimal(rate)), self.now)

    @property
    def position(self) -> Position:
        return self.books.position(BTC)

    @property
    def fills(self) -> list[Execution]:
        return [change.execution for change in self.books.journal if isinstance(change, Executed)]
