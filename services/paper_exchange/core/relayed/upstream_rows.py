"""Rows of another venue's public REST answers, read into values.

1. A row is read whole or raises Poison.
2. Rows come newest first, and are returned oldest first.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from typing import TypeVar

from pydantic import JsonValue

from libs.common.errors import Poison
from libs.common.exchange import bybit_rows
from libs.common.exchange.market_types import Instrument
from libs.common.exchange.trading_types import Action
from libs.common.units import Instant, Symbol
from services.paper_exchange.core.books.fields import Json
from services.paper_exchange.core.market.market import Bar, Trade
from services.paper_exchange.core.relayed.upstream_frames import candle, instant, number, price, quantity

T = TypeVar("T")


def instruments(result: Json) -> list[Instrument]:
    """The USDT perpetuals of an answer that trade now."""
    return [bybit_rows.instrument(row) for row in _listed(result) if bybit_rows.is_ours(row)]


def turnovers(result: Json) -> dict[Symbol, Decimal]:
    """What each symbol turned over in 24 hours, from an answer of tickers."""
    return {Symbol(str(row["symbol"])): number(row["turnover24h"]) for row in _listed(result)}


def tickers(result: Json) -> dict[Symbol, dict[str, str]]:
    """The figures of each symbol."""
    return {
        Symbol(str(row["symbol"])): {name: value for name, value in row.items() if isinstance(value, str)}
        for row in _listed(result)
    }


def bars(result: Json) -> list[Bar]:
    """Candles with their columns of volume and turnover, which those of mark and index prices lack; all as closed."""
    rows = result["list"]
    if not isinstance(rows, list):
        raise TypeError("list is no list")
    return [_bar(row) for row in reversed(rows)]


def trades(result: Json) -> list[Trade]:
    return [
        Trade(
            at=instant(row["time"]),
            symbol=Symbol(str(row["symbol"])),
            price=price(row["price"]),
            qty=quantity(row["size"]),
            taker=Action(str(row["side"])),
            number=instant(row.get("seq", 0)),
            trade_id=str(row["execId"]),
        )
        for row in reversed(_listed(result))
    ]


def settlements(result: Json) -> list[tuple[Instant, Decimal]]:
    """When funding settled and at what rate."""
    return [(instant(row["fundingRateTimestamp"]), number(row["fundingRate"])) for row in reversed(_listed(result))]


def reading(read: Callable[[Json], T], result: Json) -> T:
    """Return what `read` makes of an answer; raises Poison where it can make nothing of it."""
    try:
        return read(result)
    except (ValueError, TypeError, LookupError, AttributeError, InvalidOperation) as error:
        raise Poison(f"{type(error).__name__}: {error}") from error


def _bar(row: JsonValue) -> Bar:
    if not isinstance(row, list) or len(row) not in {5, 7}:
        raise TypeError(f"no candle: {row}")
    volume, turnover = row[5:] or ("0", "0")
    return candle(row[0], row[1:5], volume, turnover, closed=True)


def _listed(result: Json) -> Sequence[dict[str, JsonValue]]:
    rows = result["list"]
    if not isinstance(rows, list):
        raise TypeError("list is no list")
    return [row for row in rows if isinstance(row, dict)]
