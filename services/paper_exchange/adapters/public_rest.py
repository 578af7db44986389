"""The public half of the venue's REST dialect: `/v5/market/*`, unsigned."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from libs.common.clock import Clock
from libs.common.errors import Refused
from libs.common.exchange.market_types import Instrument
from libs.common.exchange.trading_types import Action
from libs.common.units import Instant, Symbol
from services.paper_exchange.adapters.envelope import Handler, answering, refused
from services.paper_exchange.core.amounts import plain
from services.paper_exchange.core.archive import Kind
from services.paper_exchange.core.fields import Fields, Json
from services.paper_exchange.core.kline_cache import KlineCache
from services.paper_exchange.core.refusals import NO_SYMBOL, bad
from services.paper_exchange.core.relayed import Recalls
from services.paper_exchange.core.shown import Shown, book_side, instrument_row, kline_row, risk_rows, ticker_row
from services.paper_exchange.core.topics import INTERVALS

_OTHER_MARKETS: Final = frozenset({"spot", "inverse", "option"})  # known categories; this exchange lists nothing there
_RISK_PAGE: Final = 15


def public_routes(shown: Shown, clock: Clock) -> list[Route]:
    """Return the routes; `clock` gives the wall time of envelopes, `shown` the market."""
    reads = PublicReads(shown, clock)
    plain_reads = {
        "time": reads.time,
        "instruments-info": reads.instruments,
        "tickers": reads.tickers,
        "funding/history": reads.funding_history,
        "orderbook": reads.orderbook,
        "risk-limit": reads.risk_limit,
    }
    handlers: dict[str, Handler] = {name: answering(read, clock) for name, read in plain_reads.items()}
    handlers |= {"kline": reads.kline, "mark-price-kline": reads.price_kline, "index-price-kline": reads.price_kline}
    return [Route(f"/v5/market/{name}", handler, methods=["GET"]) for name, handler in handlers.items()]


@dataclass(frozen=True, slots=True)
class Candles:
    """Which candles are asked for: see Market.bars."""

    symbol: Symbol
    interval_ms: int
    start: Instant | None
    end: Instant | None
    limit: int
    now: Instant


class PublicReads:
    def __init__(self, shown: Shown, clock: Clock) -> None:
        self._shown = shown
        self._clock = clock
        self._instruments = {each.symbol: each for each in shown.market.instruments}
        self._numbers = {symbol: number for number, symbol in enumerate(self._instruments, 1)}
        self._klines = KlineCache(shown.market)
        self._recalls = shown.market if isinstance(shown.market, Recalls) else None

    def time(self, _request: Request) -> Json:
        wall = self._clock.now()
        return {"timeSecond": str(wall // 1_000), "timeNano": str(wall * 1_000_000)}

    def instruments(self, request: Request) -> Json:
        fields = Fields(request.query_params)
        category = _category(fields)
        found = [] if category != "linear" or not _is_trading(fields) else self._wanted(fields)
        page, cursor = _page(found, fields, most=1_000, usual=500)
        rows = [instrument_row(each, self._numbers[each.symbol]) for each in page]
        return {"category": category, "list": [*rows], "nextPageCursor": cursor}

    def tickers(self, request: Request) -> Json:
        fields = Fields(request.query_params)
        category = _category(fields)
        found = self._wanted(fields) if category == "linear" else []
        rows = [row for each in found if (row := ticker_row(self._shown, each)) is not None]
        return {"category": category, "list": [*rows]}

    def risk_limit(self, request: Request) -> Json:
        fields = Fields(request.query_params)
        category = _category(fields)
        page, cursor = _page(self._wanted(fields) if category == "linear" else [], fields, most=_RISK_PAGE)
        rows = [row for each in page for row in risk_rows(each)]
        return {"category": category, "list": [*rows], "nextPageCursor": cursor}

    def funding_history(self, request: Request) -> Json:
        fields = Fields(request.query_params)
        instrument = self._linear(fields)
        start, end, limit = fields.whole("startTime"), fields.whole("endTime"), _limit(fields, most=200, usual=200)
        if start is not None and end is None:
            raise bad("params error: endTime required with startTime")
        until = self._shown.now if end is None else Instant(min(end, self._shown.now))
        earliest = until - (limit + 1) * instrument.funding_interval_ms
        after = Instant(max(earliest, (start if start is not None else earliest) - 1))
        settled = [each for each in self._shown.market.settlements(after, until) if each.symbol == instrument.symbol]
        rows: list[Json] = [
            {"symbol": each.symbol, "fundingRate": plain(each.rate), "fundingRateTimestamp": str(each.at)}
            for each in reversed(settled)
        ]
        return {"category": "linear", "list": [*rows[:limit]]}

    def orderbook(self, request: Request) -> Json:
        """The ladder that market orders really meet."""
        fields = Fields(request.query_params)
        instrument = self._linear(fields)
        levels, now = _limit(fields, most=1_000, usual=25), self._shown.now
        quote = self._shown.quote(instrument.symbol)
        if quote is None:
            raise bad(NO_SYMBOL)
        return {
            "s": instrument.symbol,
            "b": book_side(quote.levels(Action.SELL, levels)),
            "a": book_side(quote.levels(Action.BUY, levels)),
            "ts": now,
            "u": now,
            "seq": now,
            "cts": now,
        }

    async def kline(self, request: Request) -> Response:
        try:
            asked = await self._candles(Kind.LAST, Fields(request.query_params))
            rows = self._klines.rows(
                asked.symbol, asked.interval_ms, start=asked.start, end=asked.end, limit=asked.limit, now=asked.now
            )
        except Refused as error:
            return refused(error, self._clock.now())
        return self._listed(asked.symbol, b",".join(rows))

    async def price_kline(self, request: Request) -> Response:
        """Candles of the mark price, which the index price is too: five columns."""
        try:
            asked = await self._candles(Kind.MARK, Fields(request.query_params))
        except Refused as error:
            return refused(error, self._clock.now())
        bars = self._shown.market.marks(
            asked.symbol, asked.interval_ms, start=asked.start, end=asked.end, limit=asked.limit, now=asked.now
        )
        return self._listed(asked.symbol, b",".join(orjson.dumps(kline_row(bar)[:5]) for bar in reversed(bars)))

    async def _candles(self, kind: Kind, fields: Fields) -> Candles:
        """Read a question about candles, and return once they can be read."""
        symbol, interval_ms = self._linear(fields).symbol, INTERVALS.get(fields.required("interval"))
        if interval_ms is None:
            raise bad(f"Invalid period! interval must be one of {', '.join(INTERVALS)}")
        start, end, limit = fields.whole("start"), fields.whole("end"), _limit(fields, most=1_000, usual=200)
        if start is not None and end is not None and end < start:
            raise bad("params error: end must not be before start")
        asked = Candles(
            symbol,
            interval_ms,
            start=None if start is None else Instant(start),
            end=None if end is None else Instant(end),
            limit=limit,
            now=self._shown.now,
        )
        if self._recalls is not None:
            await self._recalls.recall(
                kind, symbol, interval_ms, start=asked.start, end=asked.end, limit=limit, now=asked.now
            )
        return asked

    def _listed(self, symbol: Symbol, rows: bytes) -> Response:
        return Response(
            b'{"retCode":0,"retMsg":"OK","result":{"symbol":"%b","category":"linear","list":[%b]},'
            b'"retExtInfo":{},"time":%d}' % (symbol.encode(), rows, self._clock.now()),
            media_type="application/json",
        )

    def _linear(self, fields: Fields) -> Instrument:
        if fields.text("category", "linear") != "linear":
            raise bad("params error: category only supports linear")
        return self._listed_symbol(fields.symbol())

    def _listed_symbol(self, symbol: Symbol) -> Instrument:
        instrument = self._instruments.get(symbol)
        if instrument is None or instrument.launched > self._shown.now:
            raise bad(NO_SYMBOL)
        return instrument

    def _wanted(self, fields: Fields) -> Sequence[Instrument]:
        """The listed instruments, or the one that is asked for."""
        if fields.has("symbol"):
            return [self._listed_symbol(fields.symbol())]
        coin = fields.text("baseCoin")
        return [
            each
            for each in self._instruments.values()
            if each.launched <= self._shown.now and (not coin or each.symbol == f"{coin}USDT")
        ]


def _category(fields: Fields) -> str:
    category = fields.required("category")
    if category != "linear" and category not in _OTHER_MARKETS:
        raise bad("params error: category invalid")
    return category


def _is_trading(fields: Fields) -> bool:
    return fields.text("status", "Trading") == "Trading"


def _limit(fields: Fields, *, most: int, usual: int) -> int:
    limit = fields.whole("limit", usual)
    if limit is None or limit < 1:
        raise bad(f"params error: limit must be 1 to {most}")
    return min(limit, most)


def _page(
    found: Sequence[Instrument], fields: Fields, *, most: int, usual: int | None = None
) -> tuple[Sequence[Instrument], str]:
    """The page after `cursor` (a symbol), and the cursor of the next; "" on the last."""
    limit = _limit(fields, most=most, usual=usual or most)
    rest = [each for each in found if each.symbol > fields.text("cursor")]
    return rest[:limit], rest[limit - 1].symbol if len(rest) > limit else ""
