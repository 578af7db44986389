"""What the public side of the exchange shows, and how each of it reads in the venue's words."""

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final, Protocol

from pydantic import JsonValue

from libs.common.exchange.market_types import Instrument
from libs.common.exchange.trading_types import Action
from libs.common.units import Instant, Symbol
from services.paper_exchange.core.books.amounts import plain
from services.paper_exchange.core.books.checks import price_limits
from services.paper_exchange.core.books.fields import Json
from services.paper_exchange.core.margin.tiers import tiers
from services.paper_exchange.core.market.depth import Level, Quote
from services.paper_exchange.core.market.market import Bar, Market, Trade
from services.paper_exchange.core.relayed.relayed import Relayed

_PCNT: Final = Decimal("0.000001")


class Shown(Protocol):
    """The running market: `now` is market time; a symbol without a quote is not listed yet."""

    @property
    def market(self) -> Market: ...

    @property
    def now(self) -> Instant: ...

    def quote(self, symbol: Symbol) -> Quote | None: ...


def is_listed(shown: Shown, instrument: Instrument) -> bool:
    """Whether it is traded now."""
    ends = shown.market.delisting(instrument.symbol)
    return instrument.launched <= shown.now and (ends is None or shown.now < ends)


def instrument_row(instrument: Instrument, number: int) -> Json:
    """A row of instruments-info. The display name says what a synthetic or replayed market is."""
    tick = instrument.tick
    return {
        "symbol": instrument.symbol,
        "symbolId": number,
        "contractType": "LinearPerpetual",
        "status": "Trading",
        "baseCoin": instrument.symbol.removesuffix("USDT"),
        "quoteCoin": "USDT",
        "settleCoin": "USDT",
        "symbolType": "",
        "launchTime": str(instrument.launched),
        "deliveryTime": "0",
        "deliveryFeeRate": "",
        "priceScale": str(max(0, -int(tick.as_tuple().exponent))),
        "leverageFilter": {"minLeverage": "1", "maxLeverage": plain(instrument.max_leverage), "leverageStep": "0.01"},
        "priceFilter": {"minPrice": plain(tick), "maxPrice": plain(tick * 10**9), "tickSize": plain(tick)},
        "lotSizeFilter": {
            "minOrderQty": plain(instrument.min_qty),
            "maxOrderQty": plain(instrument.max_market_qty * 10),
            "maxMktOrderQty": plain(instrument.max_market_qty),
            "qtyStep": plain(instrument.qty_step),
            "postOnlyMaxOrderQty": plain(instrument.max_market_qty * 10),
            "minNotionalValue": plain(instrument.min_notional),
        },
        "unifiedMarginTrade": True,
        "fundingInterval": instrument.funding_interval_ms // 60_000,
        "copyTrading": "none",
        "upperFundingRate": "0.03",
        "lowerFundingRate": "-0.03",
        "isPreListing": False,
        "preListingInfo": None,
        "riskParameters": {"priceLimitRatioX": "0.05", "priceLimitRatioY": "0.1"},
        "displayName": f"{instrument.symbol} (paper)",
    }


def risk_rows(instrument: Instrument) -> list[Json]:
    """The risk tiers of a symbol, smallest first; a position's riskId is the tier's id."""
    return [
        {
            "id": tier.number,
            "symbol": instrument.symbol,
            "riskLimitValue": plain(tier.limit),
            "maintenanceMargin": plain(tier.maintenance_rate),
            "initialMargin": plain(tier.initial_rate),
            "isLowestRisk": int(tier.number == 1),
            "maxLeverage": plain(tier.max_leverage),
            "mmDeduction": plain(tier.deduction) if tier.deduction else "",
        }
        for tier in tiers(instrument)
    ]


def price_limit_row(instrument: Instrument, quote: Quote, now: Instant) -> Json:
    """The highest price at which one may buy, and the lowest at which one may sell."""
    low, high = price_limits(quote, instrument)
    return {"symbol": instrument.symbol, "buyLmt": plain(high), "sellLmt": plain(low), "ts": str(now)}


def trade_row(trade: Trade) -> Json:
    """A row of recent-trade; the side is the taker's."""
    return {
        "execId": trade.trade_id,
        "symbol": trade.symbol,
        "price": plain(trade.price),
        "size": plain(trade.qty),
        "side": trade.taker.value,
        "time": str(trade.at),
        "isBlockTrade": False,
        "isRPITrade": False,
        "seq": str(trade.number),
    }


def ticker_row(shown: Shown, instrument: Instrument) -> Json | None:
    """A row of tickers; None before the first tick."""
    now, symbol = shown.now, instrument.symbol
    quote, day = shown.quote(symbol), shown.market.day(symbol, now)
    if quote is None or day is None:
        return None
    last = plain(quote.last)
    bid, ask = quote.levels(Action.SELL, 1)[0], quote.levels(Action.BUY, 1)[0]
    told = shown.market.figures(symbol) if isinstance(shown.market, Relayed) else {}
    return {
        "symbol": symbol,
        "lastPrice": last,
        "indexPrice": plain(quote.mark),  # there is no other venue to make an index of
        "markPrice": plain(quote.mark),
        "prevPrice24h": plain(day.open),
        "price24hPcnt": plain(((quote.last - day.open) / day.open).quantize(_PCNT, ROUND_HALF_EVEN)),
        "highPrice24h": plain(day.high),
        "lowPrice24h": plain(day.low),
        "prevPrice1h": plain(day.hour_open),
        "openInterest": "0",
        "openInterestValue": "0",
        "turnover24h": plain(day.turnover),
        "volume24h": plain(day.volume),
        "fundingRate": plain(shown.market.funding_rate(symbol, now)),
        "nextFundingTime": str(shown.market.next_settlement(symbol, now)),
        "fundingIntervalHour": str(instrument.funding_interval_ms // 3_600_000),
        "fundingCap": "0.03",
        "predictedDeliveryPrice": "",
        "basisRate": "",
        "basis": "",
        "deliveryFeeRate": "",
        "deliveryTime": "0",
        "bid1Price": plain(bid.price),
        "bid1Size": plain(bid.qty),
        "ask1Price": plain(ask.price),
        "ask1Size": plain(ask.qty),
        "preOpenPrice": "",
        "preQty": "",
        "curPreListingPhase": "",
        **told,
    }


def kline_row(bar: Bar) -> list[str]:
    prices = (bar.open, bar.high, bar.low, bar.close)
    return [str(bar.open_at), *map(plain, prices), plain(bar.volume), plain(bar.turnover)]


def kline_json(bar: Bar, columns: int | None = None) -> bytes:
    """The row as it is sent; made to be kept, so not by a serialiser, which leaves kilobytes unused behind each."""
    row = '","'.join(kline_row(bar)[:columns])
    return f'["{row}"]'.encode()


def book_side(levels: Sequence[Level]) -> list[JsonValue]:
    """Levels as price and size, best first."""
    return [[plain(level.price), plain(level.qty)] for level in levels]
