"""Which symbols are fetched, and in which order they are worth having."""

from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches

from libs.common.errors import Misconfigured
from libs.common.exchange.market_types import Instrument, Ticker
from libs.common.units import Symbol, Usd

LISTED_IN_ERROR = 10


def universe(wish: Sequence[str] | str, listed: Sequence[Instrument], tickers: Sequence[Ticker]) -> tuple[Symbol, ...]:
    """Return the symbols of `market.symbols`, sorted: a list of venue ids, or `top:N` by 24 h turnover.

    Raises Misconfigured naming every symbol that the venue does not list, with what is like it.
    """
    names = {instrument.symbol for instrument in listed}
    if isinstance(wish, str):
        turnover: Mapping[Symbol, Usd] = {ticker.symbol: ticker.turnover_24h for ticker in tickers}
        ranked = sorted(names & turnover.keys(), key=lambda symbol: (-turnover[symbol], symbol))
        return tuple(sorted(ranked[: int(wish.removeprefix("top:"))]))
    unknown = [symbol for symbol in wish if symbol not in names]
    if unknown:
        raise Misconfigured("market.symbols: " + "; ".join(_not_listed(symbol, sorted(names)) for symbol in unknown))
    return tuple(sorted(Symbol(symbol) for symbol in set(wish)))


def wanted(universe: Sequence[Symbol], held: Collection[Symbol], listed: Collection[Symbol]) -> tuple[Symbol, ...]:
    """Return every symbol to fetch: held ones first, also those that were never chosen, then the others."""
    first = sorted(symbol for symbol in held if symbol in listed)
    return (*first, *(symbol for symbol in universe if symbol not in held))


def _not_listed(symbol: str, names: Sequence[str]) -> str:
    similar = get_close_matches(symbol, names, n=3)
    if similar:
        return f"{symbol!r} is not listed; did you mean {' or '.join(similar)}?"
    more = f" and {len(names) - LISTED_IN_ERROR} more" if len(names) > LISTED_IN_ERROR else ""
    return f"{symbol!r} is not listed; listed are {', '.join(names[:LISTED_IN_ERROR])}{more}"
