"""Which symbols are fetched, and in which order they are worth having."""

from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches

from libs.common.errors import Misconfigured
from libs.common.exchange.market_types import Instrument, Ticker
from libs.common.units import Symbol

LISTED_IN_ERROR = 10


def universe(wish: Sequence[str] | str, listed: Sequence[Instrument], tickers: Sequence[Ticker]) -> tuple[Symbol, ...]:
    """Return the symbols that are meant, sorted: a list of venue ids, or `top:N` by 24 h turnover and nothing else.

    Raises Misconfigured naming every symbol that the venue does not list, with what is like it.
    """
    names = {instrument.symbol for instrument in listed}
    if isinstance(wish, str):
        return tuple(sorted(by_turnover(names, tickers)[: int(wish.removeprefix("top:"))]))
    return named(wish, names)


def by_turnover(symbols: Collection[Symbol], tickers: Iterable[Ticker]) -> tuple[Symbol, ...]:
    """Return those of `symbols` that have a ticker, most traded first; of equals the first in the alphabet."""
    turnover = {ticker.symbol: ticker.turnover_24h for ticker in tickers if ticker.symbol in symbols}
    return tuple(sorted(turnover, key=lambda symbol: (-turnover[symbol], symbol)))


def named(
    wish: Sequence[str], listed: Collection[Symbol], once: Collection[Symbol] = frozenset()
) -> tuple[Symbol, ...]:
    """Return the symbols of a list that are listed, sorted.

    Raises Misconfigured naming every one that is not, and was not `once` either, with what is like it.
    """
    unknown = [symbol for symbol in wish if symbol not in listed and symbol not in once]
    if unknown:
        raise Misconfigured("market.symbols: " + "; ".join(_not_listed(symbol, sorted(listed)) for symbol in unknown))
    return tuple(sorted(Symbol(symbol) for symbol in set(wish) if symbol in listed))


def wanted(universe: Sequence[Symbol], busy: Collection[Symbol], listed: Collection[Symbol]) -> tuple[Symbol, ...]:
    """Return every symbol to fetch: busy ones first, chosen or listed or not, then the others of the universe.

    What is delisted and busy stays ours until it is closed; nothing is asked for of it.
    """
    return (*sorted(busy), *(symbol for symbol in universe if symbol not in busy and symbol in listed))


def _not_listed(symbol: str, names: Sequence[str]) -> str:
    similar = get_close_matches(symbol, names, n=3)
    if similar:
        return f"{symbol!r} is not listed; did you mean {' or '.join(similar)}?"
    more = f" and {len(names) - LISTED_IN_ERROR} more" if len(names) > LISTED_IN_ERROR else ""
    return f"{symbol!r} is not listed; listed are {', '.join(names[:LISTED_IN_ERROR])}{more}"
