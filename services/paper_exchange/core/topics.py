"""The public streams: what can be subscribed to, and what their frames hold."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

from libs.common.units import DAY_MS, MINUTE_MS, Instant, Symbol
from services.paper_exchange.core.amounts import plain
from services.paper_exchange.core.columns import MONTH_MS, WEEK_MS, bar_close
from services.paper_exchange.core.fields import Json
from services.paper_exchange.core.market import Bar

INTERVALS: Final[Mapping[str, int]] = {
    **{text: int(text) * MINUTE_MS for text in ("1", "3", "5", "15", "30", "60", "120", "240", "360", "720")},
    "D": DAY_MS,
    "W": WEEK_MS,
    "M": MONTH_MS,
}


@dataclass(frozen=True, slots=True, order=True)
class KlineTopic:
    symbol: Symbol
    interval_ms: int
    interval: str

    @property
    def name(self) -> str:
        return f"kline.{self.interval}.{self.symbol}"


@dataclass(frozen=True, slots=True, order=True)
class TickerTopic:
    symbol: Symbol

    @property
    def name(self) -> str:
        return f"tickers.{self.symbol}"


Topic = KlineTopic | TickerTopic


def read_topic(name: str) -> Topic | None:
    """Return what `name` subscribes to; None for what this exchange does not stream."""
    match name.split("."):
        case ["kline", interval, symbol] if interval in INTERVALS:
            return KlineTopic(Symbol(symbol), INTERVALS[interval], interval)
        case ["tickers", symbol]:
            return TickerTopic(Symbol(symbol))
        case _:
            return None


def kline_frame(topic: KlineTopic, bar: Bar, at: Instant) -> Json:
    """`at` is market time: the candle's end for a closed one."""
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
    """The symbol and the fields that changed; where the price did, also which way."""
    changed: dict[str, JsonValue] = {name: value for name, value in after.items() if before.get(name) != value}
    return {"symbol": after["symbol"], **changed}
