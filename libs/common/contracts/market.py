"""What the market did: closed candles, candles that cannot be had, and prices."""

from typing import ClassVar

from libs.common.contracts.bounds import Moment, PositivePrice, Quantity, VenueSymbol
from libs.common.contracts.message import Message
from libs.common.units import Timeframe, Usd


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


class CandleMissing(Message):
    """A candle that the venue does not give after every try: readers pass over it."""

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
    """Conflated last and mark price of a watched symbol."""

    schema_name: ClassVar[str] = "price.moved.v1"
    symbol: VenueSymbol
    last: PositivePrice
    mark: PositivePrice
