"""What the market did: closed candles, candles that cannot be had, and prices."""

from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from typing import ClassVar, Final, Protocol

import orjson

from libs.common.contracts.bounds import LEAST, MOST, Moment, PositivePrice, Quantity, VenueSymbol
from libs.common.contracts.message import Message, message_ids
from libs.common.units import ZERO, Instant, Price, Qty, Symbol, Timeframe, Usd

_MOST: Final = Decimal(MOST)  # compared with a Decimal in half the time


class CandleClosed(Message):
    """One closed candle; its message id is a function of symbol, timeframe and open time."""

    schema_name: ClassVar[str] = "candle.closed.v1"
    symbol: VenueSymbol
    timeframe: Timeframe
    open_at: Moment
    close_at: Moment  # open_at + the timeframe: the first instant after the candle
    open: PositivePrice
    high: PositivePrice
    low: PositivePrice
    close: PositivePrice
    volume: Quantity
    turnover: Usd


class Bar(Protocol):
    """The times and numbers of a candle, whoever tells them."""

    @property
    def open_at(self) -> Instant: ...
    @property
    def open(self) -> Price: ...
    @property
    def high(self) -> Price: ...
    @property
    def low(self) -> Price: ...
    @property
    def close(self) -> Price: ...
    @property
    def volume(self) -> Qty: ...


class ClosedBar(Bar, Protocol):
    """A closed candle of a series, whoever tells it."""

    @property
    def symbol(self) -> Symbol: ...
    @property
    def timeframe(self) -> Timeframe: ...
    @property
    def turnover(self) -> Usd: ...


def closed_json(bar: ClosedBar, *, sent: Instant = Instant(0), source: str = "") -> str:
    """The body of a candle's CandleClosed as it stands in a series, without the message in between.

    150,000 candles of history are stored at a start and 150 close in one moment: as messages they would take four
    times the CPU and 1.5 KB each. Byte for byte what `encode` makes of the message; `sent` and `source` are its stamp,
    if it has one. Raises ValueError for a candle that no reader would take.
    """
    opened, high, low, close, volume, turnover = bar.open, bar.high, bar.low, bar.close, bar.volume, bar.turnover
    if not (LEAST <= low <= high < _MOST and LEAST <= opened < _MOST and LEAST <= close < _MOST):
        raise ValueError(f"a price out of bounds: {bar}")
    if not (ZERO <= volume < _MOST and turnover.is_finite()):
        raise ValueError(f"a volume out of bounds: {bar}")
    open_at, timeframe = bar.open_at, bar.timeframe
    name_of, series = _of_series(bar.symbol, timeframe)
    name, close_at = name_of(str(open_at)), open_at + timeframe.ms
    told_by = orjson.dumps(source).decode() if source else '""'
    return (  # !s: as str() writes it, in a third of the time that a format takes
        f'{{"id":"{name}","cause":"","trace":"{name}","at":{close_at},"sent":{sent},"source":{told_by},{series}'
        f'"open_at":{open_at},"close_at":{close_at},"open":"{opened!s}","high":"{high!s}","low":"{low!s}",'
        f'"close":"{close!s}","volume":"{volume!s}","turnover":"{turnover!s}"}}'
    )


@lru_cache(maxsize=8_192)  # series; what is thrown out is made again
def _of_series(symbol: Symbol, timeframe: Timeframe) -> tuple[Callable[[str], str], str]:
    """What all candles of a series have in common: what names them, and their part of the JSON."""
    return message_ids(CandleClosed, symbol, timeframe), f'"symbol":"{symbol}","timeframe":"{timeframe!s}",'


class CandleMissing(Message):
    """A candle that the venue does not give after every try, or gives only as what cannot be: readers pass over it."""

    schema_name: ClassVar[str] = "candle.missing.v1"
    symbol: VenueSymbol
    timeframe: Timeframe
    open_at: Moment
    close_at: Moment
    reason: str


class CandlesLoaded(Message):
    """The stored candles of these symbols are complete up to `at`: what wants history may begin.

    Said by each fetcher when its share is loaded, again whenever the share changes, and every 10 s of wall time,
    so that a reader that starts late hears it too. The market is loaded when the shares together make the universe.
    Symbols come and go with the market's hours: whoever is not in the newest universe is not fetched any more.
    """

    schema_name: ClassVar[str] = "candle.loaded.v1"
    universe: tuple[VenueSymbol, ...]  # every symbol that is fetched, sorted
    loaded: tuple[VenueSymbol, ...]  # this fetcher's share of it, sorted


class PriceMoved(Message):
    """Conflated last and mark price of a symbol that is held or may be entered, which is every symbol that is fetched.

    At most one per `fetcher.price_interval_ms` and symbol, of those that are due together the held ones first. A symbol
    whose price does not move is not told again.
    """

    schema_name: ClassVar[str] = "price.moved.v1"
    symbol: VenueSymbol
    last: PositivePrice
    mark: PositivePrice
