"""What longs pay shorts in an invented market: the venue's formula over a premium that follows the crowd.

A contract costs more than its index where longs crowd into it: after a rise, in some symbols more than in others, and
for days. Of the premium the venue forgives what is within half a per mille of its interest, so that between a fifth
and a half of all rates are exactly the base rate, as recorded ones are.

1. The rate of a settlement is a function of seed, symbol and the closes before it.
2. Nothing after `now` enters a rate; at its settlement the rate is the one that was shown last.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import lru_cache
from math import log
from typing import Final

from libs.common.units import DAY_MS, Instant
from services.paper_exchange.core.invented.climate import Cast, CommonDay, Floats, GroupDay, dice
from services.paper_exchange.core.market.schedule import BASE_RATE, FUNDING_INTERVAL_MS
from services.paper_exchange.core.market.tape import Later, Tape

SETTLEMENTS: Final = DAY_MS // FUNDING_INTERVAL_MS  # of a day
_FORGIVEN: Final = 0.0005
_CAP: Final = 0.005  # rates beyond are rarer than one in a thousand
_STEP: Final = Decimal("0.00000001")

# Basis points of premium per sigma of the return of three days and of eight hours: rates are correlated with them by
# about 0.3 each.
_TREND: Final = 0.33
_DASH: Final = 0.30
_POINT: Final = 0.0001
_SHARED_CROWD, _OWN_CROWD, _WHIM = 0.5, 0.55, 0.8  # basis points: of the market's days, the symbol's, and each time's
_SETTLING: Final = 8  # what a stream of dice is for


def leanings(seed: int, number: int, cast: Cast, common: CommonDay, day: GroupDay) -> Floats:
    """Return the premiums of a group's settlements on day `number` before trends enter, (SETTLEMENTS, n)."""
    whim = dice(seed, _SETTLING, cast.number, number).normal(size=(SETTLEMENTS, len(cast.anchor)))
    crowd = _SHARED_CROWD * common.crowding + _OWN_CROWD * day.crowding + _WHIM * whim
    premiums: Floats = cast.premium + _POINT * cast.fickle * crowd
    return premiums


def rate_of(premium: float) -> Decimal:
    """Return the venue's rate: the premium, brought as near to the interest as half a per mille allows."""
    interest = float(BASE_RATE)
    rate = premium + min(_FORGIVEN, max(-_FORGIVEN, interest - premium))
    return Decimal(min(_CAP, max(-_CAP, rate))).quantize(_STEP)


class Crowded:
    """When an invented symbol settles, and at what rate. See Schedule.

    usual: volatility of a usual day. lean: the premium of a settlement (counted from 1970) before trends enter.
    """

    def __init__(self, tape: Tape, usual: float, lean: Callable[[int], float]) -> None:
        self._tape = tape
        self._usual = usual
        self._lean = lean
        self._seen = lru_cache(maxsize=4)(self._rate)

    def between(self, after: int, until: int) -> Sequence[tuple[Instant, Decimal]]:
        """Settlements in (after, until]."""
        first = max(after, self._tape.first) // FUNDING_INTERVAL_MS + 1
        numbers = range(first, until // FUNDING_INTERVAL_MS + 1)
        return tuple((Instant(k * FUNDING_INTERVAL_MS), self._at(k, k * FUNDING_INTERVAL_MS)) for k in numbers)

    def rate(self, now: int) -> Decimal:
        """What the next settlement would be if nothing moved any more."""
        return self._at(now // FUNDING_INTERVAL_MS + 1, now)

    def next(self, now: int) -> Instant:
        """The first settlement after `now`."""
        return Instant((now // FUNDING_INTERVAL_MS + 1) * FUNDING_INTERVAL_MS)

    def later(self, by_ms: int) -> "Crowded":
        """The same settlements, `by_ms` later: whole days."""
        by = by_ms // FUNDING_INTERVAL_MS
        return Crowded(Later(self._tape, by_ms), self._usual, lambda settlement: self._lean(settlement - by))

    def _at(self, number: int, now: int) -> Decimal:
        return self._seen(number, (now - self._tape.first) // self._tape.interval_ms)

    def _rate(self, number: int, known: int) -> Decimal:
        """The rate of settlement `number` after `known` candles have closed."""
        candles = DAY_MS // self._tape.interval_ms
        trend = self._moved(known, 3 * candles) / (self._usual * 3**0.5)
        dash = self._moved(known, candles // SETTLEMENTS) / (self._usual * SETTLEMENTS**-0.5)
        return rate_of(self._lean(number) + (_TREND * trend + _DASH * dash) / 10_000)

    def _moved(self, known: int, candles: int) -> float:
        """The logarithmic return of as many of the last `candles` as there are."""
        if known < 1:
            return 0.0
        return log(self._close(known - 1) / self._close(max(0, known - 1 - candles)))

    def _close(self, index: int) -> int:
        return self._tape.read(index, index + 1).at(0).close
