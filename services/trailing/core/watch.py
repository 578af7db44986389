"""One open position as it is followed: what the executor said of it, and what we made of the prices since.

1. An older version never replaces a newer one; a repeat changes nothing.
2. The best price only improves, and only prices since the opening count.
3. What was asked for is remembered, so that it is not asked for on every price.
"""

from dataclasses import dataclass, replace
from decimal import Decimal

from libs.common.contracts.market import PriceMoved
from libs.common.contracts.positions import OpenPosition
from libs.common.contracts.trades import CloseReason
from libs.common.units import Instant, Price
from services.trailing.core.overdue import is_beyond
from services.trailing.core.ratchet import better, gain


@dataclass(frozen=True, slots=True)
class Asked:
    """The tightest stop that was asked for, why, and when (wall time)."""

    stop: Price
    reason: str
    at: Instant


@dataclass(frozen=True, slots=True)
class Left:
    """The exit that was asked for, of which version of the position, and when (wall time)."""

    version: int
    reason: str
    close_reason: CloseReason
    at: Instant


@dataclass(frozen=True, slots=True)
class Watch:
    position: OpenPosition
    best: Price  # the most favourable price since the opening
    heard_at: Instant  # market time of the newest word on it
    trace: str = ""  # id of the candle that started its story, where a message told it
    asked: Asked | None = None
    left: Left | None = None
    beyond_since: Instant | None = None  # wall time of the first price beyond its stop

    @property
    def floor(self) -> Price | None:
        """The tightest stop that is known at the venue or was asked for."""
        if self.asked is None or self.position.stop is None:
            return self.position.stop if self.asked is None else self.asked.stop
        return better(self.position.side, self.position.stop, self.asked.stop)


def begin(position: OpenPosition, heard_at: Instant, trace: str = "") -> Watch:
    """Follow a position from its entry: better prices of earlier are not known, the venue's stop is the floor."""
    return Watch(position, best=position.entry, heard_at=heard_at, trace=trace)


def hear(watch: Watch, position: OpenPosition, heard_at: Instant, trace: str = "") -> Watch:
    """Take the executor's newer word; its older ones and repeats leave position and version as they are."""
    newest = position if position.version > watch.position.version else watch.position
    beyond = watch.beyond_since if newest.stop == watch.position.stop else None
    heard_at = max(watch.heard_at, heard_at)
    return replace(watch, position=newest, heard_at=heard_at, trace=watch.trace or trace, beyond_since=beyond)


def observe(watch: Watch, price: PriceMoved, now: Instant) -> Watch:
    """Take a price into account; one of before the opening counts for nothing. `now` is wall time."""
    position = watch.position
    if price.at < position.opened_at:
        return watch
    beyond = is_beyond(position.side, stop=position.stop, last=price.last, mark=price.mark)
    since = (now if watch.beyond_since is None else watch.beyond_since) if beyond else None
    return replace(watch, best=better(position.side, watch.best, price.last), beyond_since=since)


def is_unanswered(watch: Watch, *, least: Decimal, now: Instant, patience_ms: int) -> bool:
    """Whether the stop asked for is missing at the venue, by more than rounding, after `patience_ms` of wall time."""
    if watch.asked is None or now - watch.asked.at < patience_ms:
        return False
    known = watch.position.stop
    return known is None or gain(watch.position.side, watch.asked.stop, known) > least
