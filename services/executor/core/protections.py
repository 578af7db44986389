"""Rules that refuse entries when the market, the account or our own view of it is not fit. Exits never ask."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from libs.common.units import DAY_MS, MINUTE_MS, Fraction, Instant, Symbol, Usd

MAX_CLOCK_OFFSET_MS: Final = 1_000
MAX_SILENCE_MS: Final = 5 * MINUTE_MS  # of market time without any price


@dataclass(frozen=True, slots=True)
class Limits:
    cooldown_after_loss_ms: int
    max_daily_loss: Fraction


@dataclass(frozen=True, slots=True)
class Conditions:
    """What the rules look at; `now` is market time, the offset is in wall milliseconds."""

    symbol: Symbol
    now: Instant
    equity: Usd
    last_loss_at: Instant | None  # of this symbol
    lost_today: Usd  # sum of today's trades, negative when losing
    priced_at: Instant | None  # newest price of any symbol; None before the first
    clock_offset_ms: int


@dataclass(frozen=True, slots=True)
class Objection:
    """A rule's refusal; `until` is market time, None when no date can be given."""

    rule: str
    text: str
    until: Instant | None = None


Rule = Callable[[Conditions, Limits], Objection | None]


def cooldown(seen: Conditions, limits: Limits) -> Objection | None:
    if seen.last_loss_at is None:
        return None
    until = Instant(seen.last_loss_at + limits.cooldown_after_loss_ms)
    if seen.now >= until:
        return None
    return Objection("cooldown", f"{seen.symbol} lost {(seen.now - seen.last_loss_at) // MINUTE_MS} min ago", until)


def daily_loss(seen: Conditions, limits: Limits) -> Objection | None:
    """Today's loss against the equity that the day began with."""
    began_with = seen.equity - seen.lost_today
    if seen.lost_today >= 0 or -seen.lost_today < limits.max_daily_loss * max(began_with, Decimal(0)):
        return None
    return Objection("daily_loss", f"lost {-seen.lost_today} USDT today", next_day(seen.now))


def clock_offset(seen: Conditions, _limits: Limits) -> Objection | None:
    if abs(seen.clock_offset_ms) <= MAX_CLOCK_OFFSET_MS:
        return None
    return Objection("clock_offset", f"our clock is {seen.clock_offset_ms} ms from the venue's")


def stale_data(seen: Conditions, _limits: Limits) -> Objection | None:
    if seen.priced_at is None or seen.now - seen.priced_at <= MAX_SILENCE_MS:
        return None
    return Objection("stale_data", f"no price for {(seen.now - seen.priced_at) // MINUTE_MS} min")


RULES: Final[Sequence[Rule]] = (clock_offset, stale_data, cooldown, daily_loss)


def objections(seen: Conditions, limits: Limits) -> Sequence[Objection]:
    """Every rule that speaks against an entry now."""
    return [found for rule in RULES if (found := rule(seen, limits)) is not None]


def surely_off(server: Instant, before: Instant, after: Instant) -> int:
    """Wall ms that the venue's clock is surely off ours; it was read at some moment from `before` to `after`."""
    if server > after:
        return server - after
    return min(0, server - before)


def day_start(now: Instant) -> Instant:
    return Instant(now - now % DAY_MS)


def next_day(now: Instant) -> Instant:
    return Instant(day_start(now) + DAY_MS)
