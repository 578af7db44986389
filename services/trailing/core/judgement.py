"""What a price means for a position that is followed: nothing, a tighter stop, or leaving.

1. At most one wish a price, and never a stop looser than any stop known or asked for.
2. A wish that was made is not made again while it may still be on its way.
"""

from dataclasses import replace
from typing import Final

from libs.common.contracts.trades import CloseReason
from libs.common.units import HOUR_MS, Instant, Price
from services.trailing.core.activation import first_risk, has_ratcheted, is_active
from services.trailing.core.overdue import is_overdue
from services.trailing.core.ratchet import ratchet, trailing_distance
from services.trailing.core.rules import Rules
from services.trailing.core.time_stop import is_over
from services.trailing.core.watch import Asked, Left, Watch, is_unanswered

PATIENCE_MS: Final = 10_000  # wall; a command unanswered for so long may be lost with its stream

Wish = Asked | Left


def judge(watch: Watch, *, last: Price, market_now: Instant, now: Instant, rules: Rules) -> Wish | None:
    """Return what to ask for at this price, or None. `now` is wall time, `market_now` the time of the price."""
    if watch.left is not None and watch.left.version == watch.position.version:
        return None
    return _leave(watch, market_now=market_now, now=now, rules=rules) or _tighten(watch, last, now, rules)


def judge_again(watch: Watch, *, now: Instant, rules: Rules) -> Wish | None:
    """Return the wish that got no answer, to be asked for word by word again: its message has the same id."""
    if watch.left is not None and now - watch.left.at >= PATIENCE_MS:
        return watch.left
    least = rules.min_step * watch.position.entry
    if watch.asked is not None and is_unanswered(watch, least=least, now=now, patience_ms=PATIENCE_MS):
        return watch.asked
    return None


def remember(watch: Watch, wish: Wish, now: Instant) -> Watch:
    """Note that the wish was uttered at wall time `now`."""
    match wish:
        case Asked():
            return replace(watch, asked=replace(wish, at=now))
        case Left():
            return replace(watch, left=replace(wish, at=now))


def _leave(watch: Watch, *, market_now: Instant, now: Instant, rules: Rules) -> Left | None:
    position = watch.position
    if is_over(opened_at=position.opened_at, now=market_now, max_hours=rules.max_hours):
        hours = (market_now - position.opened_at) // HOUR_MS
        return Left(position.version, f"time stop: open for {hours} h", CloseReason.SIGNAL, now)
    if is_overdue(watch.beyond_since, now):
        moved = has_ratcheted(position.side, stop=position.stop, initial_stop=position.initial_stop)
        cause = CloseReason.TRAILING if moved else CloseReason.STOP_LOSS
        return Left(position.version, f"the price is beyond the stop {position.stop} and it has not fired", cause, now)
    return None


def _tighten(watch: Watch, last: Price, now: Instant, rules: Rules) -> Asked | None:
    position, side = watch.position, watch.position.side
    distance = trailing_distance(watch.best, position.atr, rules)
    risk = first_risk(side, entry=position.entry, initial_stop=position.initial_stop, distance=distance)
    active = is_active(side, entry=position.entry, best=watch.best, risk=risk, activation_r=rules.activation_r)
    if not (active or has_ratcheted(side, stop=position.stop, initial_stop=position.initial_stop)):
        return None
    stop = ratchet(side, floor=watch.floor, best=watch.best, distance=distance, least=rules.min_step * last)
    return None if stop is None else Asked(stop, f"trailing {distance} behind the best price {watch.best}", now)
