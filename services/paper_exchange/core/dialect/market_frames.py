"""The frames of the public streams, in the venue's words; `at` is market time."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final

from pydantic import JsonValue

from libs.common.units import Instant, Price
from services.paper_exchange.core.books.amounts import plain
from services.paper_exchange.core.books.fields import Json
from services.paper_exchange.core.dialect.topics import BookTopic, KlineTopic, TickerTopic, TradeTopic
from services.paper_exchange.core.market.columns import bar_close
from services.paper_exchange.core.market.market import Bar, Trade

GONE: Final = "0"  # the size of a level that is no more


class Direction(StrEnum):
    """Where the price went with a trade; where it stayed, where it last went."""

    UP = "PlusTick"
    STAYED_UP = "ZeroPlusTick"
    DOWN = "MinusTick"
    STAYED_DOWN = "ZeroMinusTick"

    def then(self, before: Price, now: Price) -> "Direction":
        """Return the direction of a trade at `now` after this one at `before`."""
        if now != before:
            return Direction.UP if now > before else Direction.DOWN
        return Direction.STAYED_UP if self in {Direction.UP, Direction.STAYED_UP} else Direction.STAYED_DOWN


def kline_frame(topic: KlineTopic, bar: Bar, at: Instant) -> Json:
    """A closed candle is told at its end."""
    row: Json = {
        "start": bar.open_at,
        "end": bar_close(bar.open_at, topic.interval_ms) - 1,
        "interval": topic.interval,
        "open": plain(bar.open),
        "close": plain(bar.close),
        "high": plain(bar.high),
        "low": plain(bar.low),
        "volume": plain(bar.volume),
        "turnover": plain(bar.turnover),
        "confirm": bar.closed,
        "timestamp": at,
    }
    return {"topic": topic.name, "type": "snapshot", "ts": at, "data": [row]}


def ticker_frame(topic: TickerTopic, data: Json, at: Instant, *, snapshot: bool) -> Json:
    return {"topic": topic.name, "type": "snapshot" if snapshot else "delta", "data": data, "cs": at, "ts": at}


def ticker_delta(before: Json, after: Json) -> Json:
    """The symbol and the fields that changed."""
    changed: dict[str, JsonValue] = {name: value for name, value in after.items() if before.get(name) != value}
    return {"symbol": after["symbol"], **changed}


def trade_frame(topic: TradeTopic, trades: Sequence[tuple[Trade, Direction]], at: Instant) -> Json:
    """Trades, oldest first."""
    rows: list[JsonValue] = [
        {
            "T": trade.at,
            "s": trade.symbol,
            "S": trade.taker.value,
            "v": plain(trade.qty),
            "p": plain(trade.price),
            "L": direction.value,
            "i": trade.trade_id,
            "BT": False,
            "RPI": False,
            "seq": trade.number,
        }
        for trade, direction in trades
    ]
    return {"topic": topic.name, "type": "snapshot", "ts": at, "data": rows}


Side = Mapping[str, str]  # price -> size, best first


def book_frame(topic: BookTopic, bids: Side, asks: Side, at: Instant, *, changed: Instant, snapshot: bool) -> Json:
    """`changed`: when the book came to be as it is; it is its update id too."""
    data: Json = {
        "s": topic.symbol,
        "b": [[price, size] for price, size in bids.items()],
        "a": [[price, size] for price, size in asks.items()],
        "u": changed,
        "seq": changed,
    }
    kind = "snapshot" if snapshot else "delta"
    return {"topic": topic.name, "type": kind, "ts": at, "data": data, "cts": changed}


def side_delta(before: Side, after: Side) -> Side:
    """What makes `after` of `before`: levels that are gone, then those that are new or hold another size."""
    gone = {price: GONE for price in before if price not in after}
    return gone | {price: size for price, size in after.items() if before.get(price) != size}
