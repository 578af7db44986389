"""A trader with pybit's HTTP session at a served exchange, and what every one of its tests needs."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pybit.exceptions import InvalidRequestError

from tests.support.bybit_clients import pybit_http
from tests.support.bybit_process import ServedExchange

LINEAR: dict[str, Any] = {"category": "linear", "symbol": "BTCUSDT"}
ENTRY: dict[str, Any] = {**LINEAR, "side": "Buy", "orderType": "Market", "qty": "0.01"}


@dataclass
class PybitTrader:
    exchange: ServedExchange
    session: Any

    def places(self, **changes: Any) -> str:
        """A market order for 0.01 BTC unless `changes` say otherwise; returns the venue's id."""
        made: str = self.session.place_order(**{**ENTRY, **changes})["result"]["orderId"]
        return made

    def rests(self, times: str = "0.99", **changes: Any) -> str:
        """A limit order at a multiple of the last price."""
        return self.places(**{"orderType": "Limit", "price": str(self.exchange.price(times)), **changes})

    def closes(self, **changes: Any) -> str:
        return self.places(**{"side": "Sell", "reduceOnly": True, **changes})

    def order(self, order_id: str) -> dict[str, Any]:
        """The order as it is now, whatever became of it."""
        [row] = self.session.get_open_orders(**LINEAR, orderId=order_id)["result"]["list"]
        found: dict[str, Any] = row
        return found

    def open_orders(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.session.get_open_orders(**LINEAR)["result"]["list"]
        return rows

    def position(self, index: int = 0) -> dict[str, Any]:
        rows = self.session.get_positions(**LINEAR)["result"]["list"]
        [found] = [row for row in rows if row["positionIdx"] == index]
        row: dict[str, Any] = found
        return row

    def leaves(self) -> None:
        """Cancel and close everything, and go back to one way."""
        self.session.cancel_all_orders(category="linear", settleCoin="USDT")
        for row in self.session.get_positions(category="linear", settleCoin="USDT")["result"]["list"]:
            side = "Sell" if row["side"] == "Buy" else "Buy"
            self.closes(symbol=row["symbol"], side=side, qty=row["size"], positionIdx=row["positionIdx"])
        self.session.switch_position_mode(category="linear", coin="USDT", mode=0)


@contextmanager
def refused(code: int) -> Iterator[None]:
    """The block is refused with the venue's `code`."""
    try:
        yield
    except InvalidRequestError as error:
        assert error.status_code == code, error.message
        return
    raise AssertionError(f"it was accepted instead of refused with {code}")


@contextmanager
def pybit_trader(exchange: ServedExchange) -> Iterator[PybitTrader]:
    """Trade at the beginning of a rise; everything is closed afterwards."""
    trader = PybitTrader(exchange, pybit_http(exchange.endpoint))
    exchange.rises()
    yield trader
    trader.leaves()
