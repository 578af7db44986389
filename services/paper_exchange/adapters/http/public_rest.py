"""The public half of the venue's REST dialect: `/v5/market/*`, unsigned."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from libs.common.clock import Clock
from libs.common.exchange.market_types import Instrument
from libs.common.exchange.trading_types import Action
from libs.common.units import Instant, Symbol
from services.paper_exchange.adapters.http.candles import Candles
from services.paper_exchange.adapters.http.envelope import Answer
from services.paper_exchange.adapters.http.reception import Endpoint
from services.paper_exchange.core.books.amounts import plain
from services.paper_exchange.core.books.fields import Fields, Json
from services.paper_exchange.core.books.refusals import NO_SYMBOL, bad
from services.paper_exchange.core.dialect.shown import (
    Shown,
    book_side,
    instrument_row,
    is_listed,
    price_limit_row,
    risk_rows,
    ticker_row,
    trade_row,
)
from services.paper_exchange.core.market.depth import Quote
from services.paper_exchange.core.relayed.relayed import Recalls

_OTHER_MARKETS: Final = frozenset({"spot", "inverse", "option"})  # known categories; this exchange lists nothing there
_OTHER_STATES: Final = frozenset({"PreLaunch", "Settling", "Delivering", "Closed"})  # of instruments; none here is
_RISK_PAGE: Final = 15  # symbols

Read = Callable[[Fields], Json]


def public_endpoints(shown: Shown, clock: Clock) -> dict[str, Endpoint]:
    """Return every public endpoint by its path; `shown` is the market, `clock` gives the wall time."""
    reads = PublicReads(shown, clock)
    plain_reads: dict[str, Read] = {
        "time": reads.time,
        "instruments-info": reads.instruments,
        "tickers": reads.tickers,
        "funding/history": reads.funding_history,
        "orderbook": reads.orderbook,
        "recent-trade": reads.recent_trades,
        "risk-limit": reads.risk_limit,
        "price-limit": reads.price_limit,
    }
    acts = {name: _answering(read) for name, read in plain_reads.items()}
    acts |= Candles(shown, reads.linear, clock).acts()
    if isinstance(shown.market, Recalls):
        acts["funding/history"] = _recalled_funding(reads, shown.market)
    return {f"/v5/market/{name}": Endpoint("GET", act) for name, act in acts.items()}


@dataclass(frozen=True, slots=True)
class FundingWanted:
    """The newest `limit` settlements in (after, until]."""

    symbol: Symbol
    after: Instant
    until: Instant
    limit: int


class PublicReads:
    def __init__(self, shown: Shown, clock: Clock) -> None:
        self._shown = shown
        self._clock = clock
        self._instruments = {each.symbol: each for each in shown.market.instruments}
        self._numbers = {symbol: number for number, symbol in enumerate(self._instruments, 1)}

    def time(self, _fields: Fields) -> Json:
        wall = self._clock.now()
        return {"timeSecond": str(wall // 1_000), "timeNano": str(wall * 1_000_000)}

    def instruments(self, fields: Fields) -> Json:
        category = _category(fields)
        found = self._wanted(fields) if category == "linear" and _is_trading(fields) else []
        page, cursor = _page(found, fields, most=1_000, usual=500)
        rows = [instrument_row(each, self._numbers[each.symbol]) for each in page]
        return {"category": category, "list": [*rows], "nextPageCursor": cursor}

    def tickers(self, fields: Fields) -> Json:
        category = _category(fields)
        found = self._wanted(fields) if category == "linear" else []
        rows = [row for each in found if (row := ticker_row(self._shown, each)) is not None]
        return {"category": category, "list": [*rows]}

    def risk_limit(self, fields: Fields) -> Json:
        category = _category(fields)
        found = self._wanted(fields) if category == "linear" else []
        page, cursor = _page(found, fields, most=_RISK_PAGE, usual=_RISK_PAGE)
        rows = [row for each in page for row in risk_rows(each)]
        return {"category": category, "list": [*rows], "nextPageCursor": cursor}

    def funding_history(self, fields: Fields) -> Json:
        """The newest settlements up to `endTime`; a `startTime` without one is an error."""
        wanted = self.funding_wanted(fields)
        settled = self._shown.market.settlements(wanted.after, wanted.until, of=wanted.symbol)
        rows: list[Json] = [
            {"symbol": each.symbol, "fundingRate": plain(each.rate), "fundingRateTimestamp": str(each.at)}
            for each in reversed(settled)
        ]
        return {"category": "linear", "list": [*rows[: wanted.limit]]}

    def funding_wanted(self, fields: Fields) -> FundingWanted:
        instrument = self.linear(fields)
        start, end, limit = fields.whole("startTime"), fields.whole("endTime"), fields.limit(most=200, usual=200)
        if start is not None and end is None:
            raise bad("params error: endTime required with startTime")
        if start is not None and end is not None and end < start:
            raise bad("params error: startTime must not be after endTime")
        until = self._shown.now if end is None else Instant(min(end, self._shown.now))
        earliest = until - (limit + 1) * instrument.funding_interval_ms
        after = Instant(max(earliest, (start if start is not None else earliest) - 1))
        return FundingWanted(instrument.symbol, after, until, limit)

    def orderbook(self, fields: Fields) -> Json:
        """The ladder that market orders really meet; its update id is the moment, as on the streams."""
        instrument = self.linear(fields)
        levels, now = fields.limit(most=1_000, usual=25), self._shown.now
        quote = self._quote(instrument)
        return {
            "s": instrument.symbol,
            "b": book_side(quote.levels(Action.SELL, levels)),
            "a": book_side(quote.levels(Action.BUY, levels)),
            "ts": now,
            "u": now,
            "seq": now,
            "cts": now,
        }

    def recent_trades(self, fields: Fields) -> Json:
        instrument, limit = self.linear(fields), fields.limit(most=1_000, usual=500)
        trades = self._shown.market.trades(instrument.symbol, after=None, now=self._shown.now, limit=limit)
        return {"category": "linear", "list": [trade_row(trade) for trade in reversed(trades)]}

    def price_limit(self, fields: Fields) -> Json:
        instrument = self.linear(fields)
        return price_limit_row(instrument, self._quote(instrument), self._shown.now)

    def linear(self, fields: Fields) -> Instrument:
        """The one symbol that a question is about; raises Refused when it never traded so far."""
        if fields.text("category", "linear") != "linear":
            raise bad("params error: category only supports linear")
        return self._known(fields.symbol())

    def _known(self, symbol: Symbol) -> Instrument:
        instrument = self._instruments.get(symbol)
        if instrument is None or instrument.launched > self._shown.now:
            raise bad(NO_SYMBOL)
        return instrument

    def _quote(self, instrument: Instrument) -> Quote:
        quote = self._shown.quote(instrument.symbol)
        if quote is None:
            raise bad(NO_SYMBOL)
        return quote

    def _wanted(self, fields: Fields) -> Sequence[Instrument]:
        """The listed instruments, or the one that is asked for."""
        if fields.has("symbol"):
            instrument = self._known(fields.symbol())
            if not is_listed(self._shown, instrument):
                raise bad(NO_SYMBOL)
            return [instrument]
        coin = fields.text("baseCoin")
        listed = [each for each in self._instruments.values() if is_listed(self._shown, each)]
        return [each for each in listed if each.symbol == f"{coin}USDT"] if coin else listed


def _recalled_funding(reads: PublicReads, market: Recalls) -> Callable[[Fields], Awaitable[Answer]]:
    async def act(fields: Fields) -> Answer:
        wanted = reads.funding_wanted(fields)
        await market.recall_funding(wanted.symbol, after=wanted.after, until=wanted.until)
        return Answer(reads.funding_history(fields))

    return act


def _answering(read: Read) -> Callable[[Fields], Awaitable[Answer]]:
    async def act(fields: Fields) -> Answer:
        return Answer(read(fields))

    return act


def _category(fields: Fields) -> str:
    category = fields.required("category")
    if category != "linear" and category not in _OTHER_MARKETS:
        raise bad("params error: Category is invalid")
    return category


def _is_trading(fields: Fields) -> bool:
    status = fields.text("status", "Trading")
    if status != "Trading" and status not in _OTHER_STATES:
        raise bad("params error: status invalid")
    return status == "Trading"


def _page(found: Sequence[Instrument], fields: Fields, *, most: int, usual: int) -> tuple[Sequence[Instrument], str]:
    """The page after `cursor`, which is the last symbol of the page before; "" on the last."""
    limit = fields.limit(most=most, usual=usual)
    rest = [each for each in found if each.symbol > fields.text("cursor")]
    return rest[:limit], rest[limit - 1].symbol if len(rest) > limit else ""
