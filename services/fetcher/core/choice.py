"""The universe: which symbols all fetchers share, decided once a market hour by one of them.

1. The same listing, tickers, hour and former choice give the same choice: nothing here depends on wall time.
2. What was chosen stays while it slips less than `slack` ranks and passes the filters loosened by STAY.
3. A symbol that is not listed is in no choice; one that was named and was listed once is `gone`, never an error.
4. Every symbol that a filter keeps out is counted, and the first NAMED of each filter are named.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from typing import Final

from libs.common.exchange.market_types import Instrument, Ticker
from libs.common.units import DAY_MS, HOUR_MS, MINUTE_MS, ZERO, Instant, Price, Symbol
from services.fetcher.core.shares import by_turnover, named

# Between two closes of 15m candles, with time to load what is new before the next one.
TURN_AT_MS: Final = 7 * MINUTE_MS
STAY: Final = Decimal("1.5")  # how much wider the limits are for what is in already
SLACK: Final = 5  # a fifth of N ranks
NAMED: Final = 10  # symbols of each filter that are named


class Filter(StrEnum):
    """What keeps a listed symbol out of top:N."""

    TOO_YOUNG = "too_young"
    WIDE_SPREAD = "wide_spread"
    TOO_STILL = "too_still"
    TOO_WILD = "too_wild"
    NO_TICKER = "no_ticker"


@dataclass(frozen=True, slots=True)
class Terms:
    """What the settings wish for; 0 switches a filter off."""

    wish: tuple[str, ...] | str
    min_age_ms: int
    max_spread: Decimal  # of the mid price
    min_volatility: Decimal  # highest less lowest price of 24 h, as a fraction of the lowest
    max_volatility: Decimal

    @property
    def names(self) -> tuple[Symbol, ...]:
        """The symbols of a list, each once, sorted; none of top:N."""
        return () if isinstance(self.wish, str) else tuple(sorted(Symbol(symbol) for symbol in set(self.wish)))

    @property
    def text(self) -> str:
        """As a choice keeps it, to know whose it is."""
        if not isinstance(self.wish, str):
            return ",".join(self.names)
        limits = (self.max_spread, self.min_volatility, self.max_volatility)
        return " ".join([self.wish, str(self.min_age_ms), *(f"{limit.normalize():f}" for limit in limits)])


@dataclass(frozen=True, slots=True)
class LeftOut:
    """How many symbols a filter keeps out, and at most NAMED of them, the most traded ones."""

    count: int
    symbols: tuple[Symbol, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """What all fetchers share. `turn` counts market hours, `edition` the changes within one."""

    terms: str
    turn: int
    symbols: tuple[Symbol, ...]  # sorted
    edition: int = 0
    gone: tuple[Symbol, ...] = ()  # named in the settings, listed once, and no more
    left_out: Mapping[Filter, LeftOut] = field(default_factory=dict)

    @property
    def version(self) -> tuple[int, int]:
        return self.turn, self.edition


@dataclass(frozen=True, slots=True)
class Listing:
    """choice: what the fetchers share; launched: every symbol that could be fetched, with its first moment.

    ticks: what the prices of each of these symbols are multiples of.
    """

    choice: Choice
    launched: Mapping[Symbol, Instant]
    ticks: Mapping[Symbol, Price]


def listing_of(choice: Choice, listed: Iterable[Instrument]) -> Listing:
    """What was chosen, beside what the venue says of all that it lists."""
    known = tuple(listed)
    return Listing(choice, {each.symbol: each.launched for each in known}, {each.symbol: each.tick for each in known})


def turn_of(at: Instant) -> int:
    """Which market hour's choice holds at `at`: a new one begins TURN_AT_MS past the hour."""
    return (at - TURN_AT_MS) // HOUR_MS


def choose(
    terms: Terms,
    listed: Sequence[Instrument],
    tickers: Sequence[Ticker],
    at: Instant,
    before: Choice | None,
    *,
    once: Collection[Symbol] = frozenset(),
) -> Choice:
    """Return the choice of the market hour of `at`, given the one before and, of a list, what was listed `once`.

    Where no symbol passes the filters, what was chosen before stays, as far as it is listed.
    Raises Misconfigured naming every symbol of a list that the venue does not list and never did.
    """
    names = {instrument.symbol for instrument in listed}
    if not isinstance(terms.wish, str):
        once = frozenset((*once, *before.symbols, *before.gone)) if before else frozenset(once)
        chosen = named(terms.wish, names, once)
        gone = tuple(symbol for symbol in terms.names if symbol not in names)
        return Choice(terms.text, turn_of(at), chosen, gone=gone)
    former = before.symbols if before and before.terms == terms.text else ()
    faults = _faults(terms, listed, tickers, at, former)
    passing = by_turnover(names - faults.keys(), tickers)
    chosen = best(passing, int(terms.wish.removeprefix("top:")), former) or tuple(s for s in former if s in names)
    return Choice(terms.text, turn_of(at), tuple(sorted(chosen)), left_out=_left_out(faults, tickers, former))


def best(ranked: Sequence[Symbol], most: int, former: Collection[Symbol]) -> tuple[Symbol, ...]:
    """Return `most` of the symbols, the best first, with a buffer round the last place as indices have it.

    Whoever is well inside comes in, whoever is well outside goes; between, what was in before stays.
    """
    slack = max(1, most // SLACK)
    sure, near = ranked[: most - slack], ranked[most - slack : most + slack]
    return (*sure, *sorted(near, key=lambda symbol: symbol not in former))[:most]


def without(choice: Choice, listed: Collection[Symbol]) -> Choice:
    """Return the choice less what the venue does not list any more; unchanged if it lists all of it."""
    symbols = tuple(symbol for symbol in choice.symbols if symbol in listed)
    if symbols == choice.symbols:
        return choice
    is_list = not choice.terms.startswith("top:")
    gone = set(choice.symbols).difference(symbols) if is_list else ()
    return replace(choice, symbols=symbols, edition=choice.edition + 1, gone=tuple(sorted({*choice.gone, *gone})))


def why_gone(choice: Choice, symbol: Symbol, listed: Collection[Symbol]) -> str:
    """Say in words why a symbol is not in the choice."""
    if symbol not in listed:
        return "delisted"
    for reason, left_out in choice.left_out.items():
        if symbol in left_out.symbols:
            return reason
    return "not among the best"


def explained(choice: Choice) -> str:
    """Say which filter leaves out how many symbols, and which ones."""
    said = []
    for reason, left_out in choice.left_out.items():
        more = ", …" if left_out.count > len(left_out.symbols) else ""
        said.append(f"{left_out.count} {reason} ({', '.join(left_out.symbols)}{more})")
    return "; ".join(said) or "none"


def _faults(
    terms: Terms, listed: Sequence[Instrument], tickers: Sequence[Ticker], at: Instant, former: Collection[Symbol]
) -> dict[Symbol, Filter]:
    """What keeps each symbol out, for those that anything does."""
    shown = {ticker.symbol: ticker for ticker in tickers}
    hour = Instant(turn_of(at) * HOUR_MS + TURN_AT_MS)
    first = min((instrument.launched for instrument in listed), default=hour)
    found: dict[Symbol, Filter] = {}
    for instrument in listed:
        symbol, ticker = instrument.symbol, shown.get(instrument.symbol)
        # where the records begin, nobody knows how old a symbol is: what was there with the first is not young
        is_dated = instrument.launched - first >= DAY_MS
        if terms.min_age_ms and is_dated and hour - instrument.launched < terms.min_age_ms:
            found[symbol] = Filter.TOO_YOUNG
        elif ticker is None:
            found[symbol] = Filter.NO_TICKER
        elif fault := _fault(terms, ticker, STAY if symbol in former else Decimal(1)):
            found[symbol] = fault
    return found


def _fault(terms: Terms, ticker: Ticker, widened: Decimal) -> Filter | None:
    spread = (ticker.ask - ticker.bid) * 2 / (ticker.ask + ticker.bid)
    volatility = (ticker.high_24h - ticker.low_24h) / ticker.low_24h if ticker.low_24h else ZERO
    if terms.max_spread and spread > terms.max_spread * widened:
        return Filter.WIDE_SPREAD
    if volatility * widened < terms.min_volatility:
        return Filter.TOO_STILL
    if terms.max_volatility and volatility > terms.max_volatility * widened:
        return Filter.TOO_WILD
    return None


def _left_out(
    faults: Mapping[Symbol, Filter], tickers: Iterable[Ticker], former: Collection[Symbol]
) -> dict[Filter, LeftOut]:
    """What goes is named before what never came."""
    ranked = {symbol: rank for rank, symbol in enumerate(by_turnover(faults.keys(), tickers))}
    places = {symbol: (symbol not in former, ranked.get(symbol, len(ranked)), symbol) for symbol in faults}
    found: dict[Filter, LeftOut] = {}
    for reason in Filter:
        symbols = sorted((symbol for symbol, fault in faults.items() if fault is reason), key=lambda s: places[s])
        if symbols:
            found[reason] = LeftOut(len(symbols), tuple(symbols[:NAMED]))
    return found
