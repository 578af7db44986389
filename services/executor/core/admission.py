"""Who may enter. Only `review` makes an `Approved`, and only what is approved is ever sent as an entry."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from libs.common.contracts.recovery import Phase
from libs.common.contracts.signals import SignalMade
from libs.common.units import Instant, Symbol, Usd
from services.executor.core.protections import Conditions, Limits, objections
from services.executor.core.sizing import Sized, TooSmall
from services.executor.core.switch import Level


@dataclass(frozen=True, slots=True)
class Standing:
    """What the ledger and the venue say at the moment of admission, all read in one transaction."""

    fence_is_ours: bool
    level: Level
    phase: Phase
    taken: frozenset[Symbol]  # symbols with a position or with an entry that may be live, unknown ones too
    busy: bool  # an order of this symbol may still be live at the venue
    in_review: bool
    known: bool  # the venue lists the symbol


@dataclass(frozen=True, slots=True)
class Wish:
    signal: SignalMade
    sized: Sized | TooSmall
    now: Instant  # market time
    max_positions: int
    free_margin: Usd


@dataclass(frozen=True, slots=True)
class Approved:
    """A wish that passed every check."""

    signal: SignalMade
    sized: Sized


@dataclass(frozen=True, slots=True)
class Declined:
    """Why not: `rule` is counted, `text` is shown; `until` is market time where an end is known."""

    rule: str
    text: str
    until: Instant | None = None


EXPIRED: Final = Declined("expired", "the signal is too old")


def review(wish: Wish, standing: Standing, seen: Conditions, limits: Limits) -> Approved | Declined:
    """Judge one entry; the first rule that objects is the reason."""
    refused = [*_of_the_moment(wish, standing), *_of_the_symbol(wish, standing)]
    refused += [Declined(found.rule, found.text, found.until) for found in objections(seen, limits)]
    if refused:
        return refused[0]
    if isinstance(wish.sized, TooSmall):
        return Declined("size", wish.sized.reason)
    if wish.sized.margin > wish.free_margin:
        return Declined("margin", f"needs {wish.sized.margin} USDT, {wish.free_margin} are free")
    return Approved(wish.signal, wish.sized)


def _of_the_moment(wish: Wish, standing: Standing) -> Sequence[Declined]:
    found = []
    if not standing.fence_is_ours:
        found.append(Declined("overtaken", "another executor took the symbol"))
    if standing.level is not Level.OPEN:
        found.append(Declined("switch", f"entries are {standing.level}"))
    if standing.phase is Phase.RECOVERING:
        found.append(Declined("phase", "recovery is running"))
    if wish.now > wish.signal.valid_until:
        found.append(EXPIRED)
    return found


def _of_the_symbol(wish: Wish, standing: Standing) -> Sequence[Declined]:
    symbol = wish.signal.symbol
    found = []
    if not standing.known:
        found.append(Declined("symbol", f"the venue does not list {symbol}"))
    if standing.in_review:
        found.append(Declined("review", f"{symbol} waits for a person: ironkeel recovery accept {symbol}"))
    if symbol in standing.taken:
        found.append(Declined("taken", f"{symbol} has a position or an entry under way"))
    elif standing.busy:
        found.append(Declined("busy", f"an order of {symbol} is not finished at the venue"))
    elif len(standing.taken) >= wish.max_positions:
        found.append(Declined("max_positions", f"{len(standing.taken)} of {wish.max_positions} slots are taken"))
    return found
