"""A market that is invented, and says so: five-minute candles without end, a function of the seed.

Days are made when they are asked for and the newest of them kept; making one again gives the same. History reaches
back to the beginning of the invented world, years before or after any real one.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import structlog
from numpy.typing import NDArray

from libs.common.clock import iso
from libs.common.errors import Misconfigured
from libs.common.units import DAY_MS, MINUTE_MS, Instant
from services.paper_exchange.core.invented.climate import (
    BARS,
    Cast,
    CommonDay,
    Floats,
    GroupDay,
    next_common,
    next_group,
)
from services.paper_exchange.core.invented.premium import SETTLEMENTS, Crowded, leanings
from services.paper_exchange.core.invented.troupe import GROUP_SIZE, Role, cast_of, roles
from services.paper_exchange.core.invented.weaving import SharedBars, Woven, shared_bars, usual_sigma, weave
from services.paper_exchange.core.market.board import Board
from services.paper_exchange.core.market.columns import Columns, columns_of, join
from services.paper_exchange.core.market.facts import contract
from services.paper_exchange.core.market.listing import Listing
from services.paper_exchange.core.market.path import Path
from services.paper_exchange.core.market.schedule import FUNDING_INTERVAL_MS
from services.paper_exchange.core.market.tape import Scale, Tape
from services.paper_exchange.core.market.trail import Beat

log = structlog.get_logger()

GENESIS: Final = Instant(1_735_689_600_000)  # 2025-01-01T00:00:00Z
USUAL_START: Final = Instant(1_748_822_400_000)  # 2025-06-02T00:00:00Z, a Monday
HISTORY_MS: Final = 90 * DAY_MS
INTERVAL_MS: Final = 5 * MINUTE_MS
KEPT_DAYS: Final = 480  # of a group of 50 symbols: about 0.4 MB each


def synthetic_market(
    *, seed: int, symbols: int, start: Instant | None, end: Instant | None, beat: Beat = Beat.CANDLE
) -> Board:
    """Return an invented market of `symbols` perpetuals; it starts on 2025-06-02 unless told otherwise.

    Raises Misconfigured where there is no room for 90 days of history before `start`, or `end` is not after it.
    """
    begin = USUAL_START if start is None else start
    if begin < GENESIS + HISTORY_MS:
        raise Misconfigured(
            f"paper.from = {iso(begin)}: a synthetic market may start at {iso(Instant(GENESIS + HISTORY_MS))}"
        )
    if end is not None and end <= begin:
        raise Misconfigured(f"paper.to = {iso(end)}: must be after {iso(begin)}")
    world = _World(seed, groups=-(-symbols // GROUP_SIZE))
    tapes = [_Tape(world, *divmod(place, GROUP_SIZE)) for place in range(symbols)]
    listings = [_listing(role, tape, beat) for role, tape in zip(world.players, tapes, strict=False)]
    schedules = {listing.symbol: _schedule(world, tape) for listing, tape in zip(listings, tapes, strict=True)}
    log.info("synthetic.opened", symbols=symbols, seed=seed, start=iso(begin))
    return Board(listings, schedules, start=begin, end=end)


def _listing(role: Role, tape: Tape, beat: Beat) -> Listing:
    instrument = contract(role.symbol, tick=role.tick, price=role.price, launched=GENESIS)
    return Listing(instrument, Path([tape], beat, role.symbol), Scale(role.tick, role.step))


def _schedule(world: "_World", tape: "_Tape") -> Crowded:
    usual = float(usual_sigma(world.cast(tape.group))[tape.row])
    return Crowded(tape, usual, lambda settlement: world.lean(tape.group, tape.row, settlement))


@dataclass(frozen=True, slots=True)
class _Block:
    """Candles of a group on one day, (n, BARS); prices in ticks, volume in quanta."""

    open: NDArray[np.int32]
    high: NDArray[np.int32]
    low: NDArray[np.int32]
    close: NDArray[np.int32]
    volume: NDArray[np.int64]


class _World:
    """The days of the market so far, and the candles of those that were looked at last."""

    def __init__(self, seed: int, groups: int) -> None:
        self.players = roles(groups * GROUP_SIZE)  # a group is drawn whole, so that its dice fall alike for any count
        self._seed = seed
        self._groups = tuple(_Group(cast_of(seed, number, self._members(number)), []) for number in range(groups))
        self._days: list[CommonDay] = []
        self._shared = lru_cache(maxsize=128)(self._shared_of)
        self._leanings = lru_cache(maxsize=KEPT_DAYS)(self._leanings_of)
        self.block = lru_cache(maxsize=KEPT_DAYS)(self._block_of)

    def cast(self, group: int) -> Cast:
        return self._groups[group].cast

    def lean(self, group: int, row: int, settlement: int) -> float:
        """See Crowded."""
        day, time = divmod(settlement - GENESIS // FUNDING_INTERVAL_MS, SETTLEMENTS)
        return float(self._leanings(group, day)[time, row])

    def _block_of(self, group: int, number: int) -> _Block:
        cast, day = self.cast(group), self._day(group, number)
        opened = self._day(group, number - 1).close if number else cast.anchor
        woven = weave(self._seed, number, cast, self._shared(number), day, opened)
        return _whole(woven, self._members(group))

    def _leanings_of(self, group: int, number: int) -> Floats:
        return leanings(self._seed, number, self.cast(group), self._common(number), self._day(group, number))

    def _day(self, group: int, number: int) -> GroupDay:
        cast, days = self._groups[group].cast, self._groups[group].days
        for day in range(len(days), number + 1):
            days.append(next_group(self._seed, day, cast, self._common(day), days[-1] if days else None))
        return days[number]

    def _members(self, group: int) -> tuple[Role, ...]:
        return self.players[group * GROUP_SIZE : (group + 1) * GROUP_SIZE]

    def _shared_of(self, number: int) -> SharedBars:
        return shared_bars(self._seed, number, self._common(number))

    def _common(self, number: int) -> CommonDay:
        for day in range(len(self._days), number + 1):
            self._days.append(next_common(self._seed, day, self._days[-1] if self._days else None))
        return self._days[number]


@dataclass(frozen=True, slots=True)
class _Group:
    cast: Cast
    days: list[GroupDay]


@dataclass(frozen=True, slots=True)
class _Tape:
    world: _World
    group: int
    row: int
    first: Instant = GENESIS
    interval_ms: int = INTERVAL_MS
    count: None = None

    def read(self, begin: int, end: int) -> Columns:
        days = range(begin // BARS, -(-end // BARS))
        return join([self._day(day, begin - day * BARS, end - day * BARS) for day in days])

    def _day(self, day: int, begin: int, end: int) -> Columns:
        block, bars = self.world.block(self.group, day), slice(max(0, begin), end)
        row = (column[self.row, bars].astype(np.int64) for column in (block.open, block.high, block.low, block.close))
        open_, high, low, close = row
        return columns_of(open_, high, low, close, block.volume[self.row, bars])


def _whole(woven: Woven, players: tuple[Role, ...]) -> _Block:
    ticks = np.array([float(role.tick) for role in players])[:, None]
    quanta = np.array([float(role.step) for role in players])[:, None]
    prices = (woven.open, woven.high, woven.low, woven.close)
    open_, high, low, close = (np.maximum(1, np.rint(price / ticks)).astype(np.int32) for price in prices)
    return _Block(open_, high, low, close, np.rint(woven.turnover / woven.close / quanta).astype(np.int64))
