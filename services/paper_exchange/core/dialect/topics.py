"""The public streams: what can be subscribed to."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from libs.common.units import DAY_MS, MINUTE_MS, Symbol
from services.paper_exchange.core.market.columns import MONTH_MS, WEEK_MS

INTERVALS: Final[Mapping[str, int]] = {
    **{text: int(text) * MINUTE_MS for text in ("1", "3", "5", "15", "30", "60", "120", "240", "360", "720")},
    "D": DAY_MS,
    "W": WEEK_MS,
    "M": MONTH_MS,
}
DEPTHS: Final = {"1": 1, "50": 50, "200": 200, "500": 500, "1000": 1_000}


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


@dataclass(frozen=True, slots=True, order=True)
class TradeTopic:
    symbol: Symbol

    @property
    def name(self) -> str:
        return f"publicTrade.{self.symbol}"


@dataclass(frozen=True, slots=True, order=True)
class BookTopic:
    """`depth` levels a side."""

    symbol: Symbol
    depth: int

    @property
    def name(self) -> str:
        return f"orderbook.{self.depth}.{self.symbol}"


Topic = KlineTopic | TickerTopic | TradeTopic | BookTopic


def read_topic(name: str) -> Topic | None:
    """Return what `name` subscribes to; None for what this exchange does not stream."""
    match name.split("."):
        case ["kline", interval, symbol] if interval in INTERVALS:
            return KlineTopic(Symbol(symbol), INTERVALS[interval], interval)
        case ["tickers", symbol]:
            return TickerTopic(Symbol(symbol))
        case ["publicTrade", symbol]:
            return TradeTopic(Symbol(symbol))
        case ["orderbook", depth, symbol] if depth in DEPTHS:
            return BookTopic(Symbol(symbol), DEPTHS[depth])
        case _:
            return None
