"""What another venue's public stream says, read into values.

1. A frame is read whole or not at all: what cannot be read raises Poison and changes nothing.
2. Every number is taken from the venue's own string, never through float, and is one: finite, in range.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

import orjson
from pydantic import JsonValue

from libs.common.errors import Poison
from libs.common.exchange.trading_types import Action
from libs.common.units import MINUTE_MS, Instant, Price, Qty, Symbol
from services.paper_exchange.core.market.depth import Level
from services.paper_exchange.core.market.market import Bar, Trade

MOST_DIGITS: Final = 40
DEPTH: Final = 50  # levels of the order book that are asked for
Row = Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class TradesHeard:
    at: Instant
    trades: Sequence[Trade]  # oldest first


@dataclass(frozen=True, slots=True)
class TickerHeard:
    """`fields` are all of them in a snapshot, and the changed ones in a delta."""

    at: Instant
    symbol: Symbol
    is_snapshot: bool
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class LevelsHeard:
    """The levels of a snapshot, or those that changed; a quantity of zero deletes."""

    at: Instant
    symbol: Symbol
    is_snapshot: bool
    number: int
    bids: Sequence[Level]
    asks: Sequence[Level]


@dataclass(frozen=True, slots=True)
class CandlesHeard:
    """Candles of minutes, as they are or as they closed, oldest first."""

    at: Instant
    symbol: Symbol
    bars: Sequence[Bar]


@dataclass(frozen=True, slots=True)
class Answered:
    """The venue's answer to something that was sent."""

    op: str
    succeeded: bool
    text: str


Heard = TradesHeard | TickerHeard | LevelsHeard | CandlesHeard | Answered


def topics(symbol: Symbol) -> tuple[str, ...]:
    """What has to be subscribed to for one symbol."""
    return (f"kline.1.{symbol}", f"publicTrade.{symbol}", f"orderbook.{DEPTH}.{symbol}", f"tickers.{symbol}")


def read_frame(text: str | bytes) -> Heard:
    """Raises Poison for what is no frame of a topic that is subscribed to."""
    try:
        frame = orjson.loads(text)
        if "topic" not in frame:
            return Answered(str(frame.get("op", "")), frame.get("success", True) is True, str(frame.get("ret_msg", "")))
        topic = str(frame["topic"])
        return _READERS[topic.partition(".")[0]](frame, topic)
    except (ValueError, TypeError, LookupError, AttributeError, InvalidOperation) as error:
        raise Poison(f"{type(error).__name__}: {error}") from error


def number(value: JsonValue) -> Decimal:
    """Return a number that the venue wrote as a string; raises ValueError for what is none."""
    if not isinstance(value, str) or len(value) > MOST_DIGITS:
        raise ValueError(f"not a number: {str(value)[:MOST_DIGITS]!r}")
    found = Decimal(value)
    if not found.is_finite():
        raise ValueError(f"not finite: {value}")
    return found


def price(value: JsonValue) -> Price:
    found = number(value)
    if found <= 0:
        raise ValueError(f"not a price: {value}")
    return Price(found)


def quantity(value: JsonValue) -> Qty:
    found = number(value)
    if found < 0:
        raise ValueError(f"not a quantity: {value}")
    return Qty(found)


def instant(value: JsonValue) -> Instant:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError(f"not an instant: {value}")
    found = int(value)
    if not 0 <= found < 2**53:
        raise ValueError(f"not an instant: {value}")
    return Instant(found)


def candle(
    opened: JsonValue, prices: Sequence[JsonValue], volume: JsonValue, turnover: JsonValue, *, closed: bool
) -> Bar:
    """prices: open, high, low, close, which a premium has below zero too.

    Raises ValueError where the high is not the highest or the low the lowest.
    """
    open_, high, low, close = (Price(number(each)) for each in prices)
    if not low <= min(open_, close) <= max(open_, close) <= high:
        raise ValueError(f"no candle: {open_} {high} {low} {close}")
    return Bar(
        open_at=instant(opened),
        open=open_,
        high=high,
        low=low,
        close=close,
        volume=quantity(volume),
        turnover=quantity(turnover),
        closed=closed,
    )


def _trades(frame: dict[str, JsonValue], _topic: str) -> TradesHeard:
    return TradesHeard(instant(frame["ts"]), [_trade(row) for row in _rows(frame["data"])])


def _trade(row: Row) -> Trade:
    return Trade(
        at=instant(row["T"]),
        symbol=Symbol(str(row["s"])),
        price=price(row["p"]),
        qty=quantity(row["v"]),
        taker=Action(str(row["S"])),
        number=instant(row.get("seq", 0)),
        trade_id=str(row["i"]),
    )


def _ticker(frame: dict[str, JsonValue], topic: str) -> TickerHeard:
    data = _object(frame["data"])
    fields = {name: value for name, value in data.items() if isinstance(value, str)}
    for name in ("lastPrice", "markPrice"):
        if name in fields:
            price(fields[name])
    return TickerHeard(instant(frame["ts"]), Symbol(topic.split(".")[1]), frame["type"] == "snapshot", fields)


def _levels(frame: dict[str, JsonValue], _topic: str) -> LevelsHeard:
    data = _object(frame["data"])
    return LevelsHeard(
        at=instant(frame["ts"]),
        symbol=Symbol(str(data["s"])),
        is_snapshot=frame["type"] == "snapshot",
        number=instant(data["u"]),
        bids=_side(data["b"]),
        asks=_side(data["a"]),
    )


def _side(rows: JsonValue) -> list[Level]:
    if not isinstance(rows, list):
        raise TypeError("levels are no list")
    return [_level(row) for row in rows]


def _level(row: JsonValue) -> Level:
    if not isinstance(row, list) or len(row) != 2:
        raise TypeError("a level is no pair")
    return Level(price(row[0]), quantity(row[1]))


def _candles(frame: dict[str, JsonValue], topic: str) -> CandlesHeard:
    bars = [_candle(row) for row in _rows(frame["data"])]
    return CandlesHeard(instant(frame["ts"]), Symbol(topic.split(".")[2]), bars)


def _candle(row: Row) -> Bar:
    if instant(row["start"]) % MINUTE_MS:
        raise ValueError(f"not a minute: {row['start']}")
    price(row["low"])
    prices = (row["open"], row["high"], row["low"], row["close"])
    return candle(row["start"], prices, row["volume"], row["turnover"], closed=row["confirm"] is True)


def _rows(data: JsonValue) -> list[Row]:
    if not isinstance(data, list):
        raise TypeError("data is no list")
    return [_object(row) for row in data]


def _object(value: JsonValue) -> Row:
    if not isinstance(value, dict):
        raise TypeError("no object")
    return value


_READERS: Final[Mapping[str, Callable[[dict[str, JsonValue], str], Heard]]] = {
    "publicTrade": _trades,
    "tickers": _ticker,
    "orderbook": _levels,
    "kline": _candles,
}
