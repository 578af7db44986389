"""One symbol's candles as another venue gave them: of minutes, hours and days, and the minutes that form.

1. A tier that was loaded is without gaps, and has every whole candle that the tier below it can make.
2. A closed minute never changes; one that came early waits for those before it.
3. Every other candle is made of these: first open, highest high, lowest low, last close, sums.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from libs.common.units import DAY_MS, HOUR_MS, MINUTE_MS, ZERO, Instant, Price, Qty
from services.paper_exchange.core.market.columns import bar_close, bar_open
from services.paper_exchange.core.market.market import Bar, Trade

# Candles of each tier, less than 1 MB a symbol: a month of days and two days of hours are all that ever forms.
KEPT: Final = {DAY_MS: 40, HOUR_MS: 50, MINUTE_MS: 1_000}
_COARSER: Final = {MINUTE_MS: HOUR_MS, HOUR_MS: DAY_MS}
MOST_AHEAD: Final = 1_000


class CandleTiers:
    def __init__(self) -> None:
        self._tiers: dict[int, list[Bar]] = {length: [] for length in KEPT}  # coarsest first
        self._forming: dict[Instant, tuple[Instant, Bar]] = {}  # as it was at a moment
        self._ahead: dict[Instant, Bar] = {}
        self._loaded: set[int] = set()
        self._begun: dict[int, Instant] = {}  # where a tier begins because the symbol does

    @property
    def known_to(self) -> Instant:
        """The end of the newest closed minute; 0 before there is one."""
        minutes = self._tiers[MINUTE_MS]
        return Instant(minutes[-1].open_at + MINUTE_MS) if minutes else Instant(0)

    @property
    def forming(self) -> Bar | None:
        """The minute that comes next, as far as it has come."""
        found = self._forming.get(self.known_to)
        return found[1] if found else None

    @property
    def is_deep(self) -> bool:
        """Whether every tier was loaded."""
        return self._loaded == set(KEPT)

    def load(self, length: int, bars: Sequence[Bar], *, all_there_are: bool) -> None:
        """Begin a tier with closed candles, oldest first; what it held is forgotten, and by minutes everything.

        Minutes come first, then hours, then days.
        """
        if length == MINUTE_MS:
            self._tiers = {each: [] for each in KEPT}
            self._loaded = set()
        self._tiers[length] = list(bars[-KEPT[length] :])
        self._loaded.add(length)
        self._begun.pop(length, None)
        if all_there_are and bars:
            self._begun[length] = bars[0].open_at
        self._complete(length)
        self._catch_up()

    def hear(self, bar: Bar, at: Instant) -> None:
        """Take in a minute as it was at `at`, or as it closed."""
        if bar.open_at < self.known_to:
            return
        if not bar.closed:
            self._forming[bar.open_at] = at, bar
        elif len(self._ahead) < MOST_AHEAD:
            self._ahead[bar.open_at] = bar
            self._catch_up()

    def extend(self, trade: Trade) -> None:
        """Let a trade shape its minute, unless that was heard of later."""
        open_at = bar_open(trade.at, MINUTE_MS)
        at, bar = self._forming.get(open_at, (Instant(open_at - 1), None))
        if open_at >= self.known_to and trade.at > at:
            self._forming[open_at] = at, _extended(bar, trade, open_at)
            if len(self._forming) > MOST_AHEAD:
                del self._forming[min(self._forming)]

    def since(self, interval_ms: int) -> Instant | None:
        """When the first candle opens that can be made of what is here; None before there is any."""
        firsts = [tier[0].open_at for _, tier in self._fine(interval_ms) if tier]
        if not firsts:
            return None
        first, opened = min(firsts), bar_open(min(firsts), interval_ms)
        return opened if first in {opened, *self._begun.values()} else bar_close(opened, interval_ms)

    def price(self, now: Instant) -> Price | None:
        """The close of the newest candle that ended by `now`; the oldest open where none did."""
        oldest = [tier[0].open for tier in self._tiers.values() if tier]
        for length, tier in reversed(self._tiers.items()):
            ended = bisect_left(tier, now - length + 1, key=lambda bar: bar.open_at)
            if ended:
                return tier[ended - 1].close
        return oldest[0] if oldest else None

    def bars(self, interval_ms: int, begin: Instant, end: Instant, now: Instant) -> list[Bar]:
        """The candles that open in [begin, end), oldest first, as far as they are known at `now`."""
        since = self.since(interval_ms)
        if since is None:
            return []
        fine = self._pieces(interval_ms, max(begin, since), Instant(min(end, now)), now)
        found = []
        for open_at, parts in groupby(fine, key=lambda bar: bar_open(bar.open_at, interval_ms)):
            whole = list(parts)
            closed = min(now, self.known_to) >= bar_close(open_at, interval_ms)
            found.append(merged(whole, open_at, closed=closed))
        return found

    def _pieces(self, interval_ms: int, begin: Instant, end: Instant, now: Instant) -> Iterator[Bar]:
        """Coarse candles as long as they are over, then finer ones."""
        for length, tier in self._fine(interval_ms):
            if not tier or not (tier[0].open_at <= begin or tier[0].open_at in self._begun.values()):
                continue
            whole = [bar for bar in _between(tier, begin, end) if length == MINUTE_MS or bar.open_at + length <= now]
            yield from whole
            if whole:
                begin = Instant(whole[-1].open_at + length)
        if (forming := self.forming) is not None and begin <= forming.open_at < end:
            yield forming

    def _fine(self, interval_ms: int) -> list[tuple[int, list[Bar]]]:
        """The tiers that candles of this length are made of, coarsest first."""
        return [(length, tier) for length, tier in self._tiers.items() if interval_ms % length == 0]

    def _catch_up(self) -> None:
        while self.known_to and (bar := self._ahead.pop(self.known_to, None)) is not None:
            self._append(MINUTE_MS, bar)
        if self.known_to:
            self._ahead = {at: bar for at, bar in self._ahead.items() if at > self.known_to}
            self._forming = {at: bar for at, bar in self._forming.items() if at >= self.known_to}

    def _append(self, length: int, bar: Bar) -> None:
        tier = self._tiers[length]
        tier.append(bar)
        del tier[: -KEPT[length]]
        if (coarse := _COARSER.get(length)) in self._loaded and (bar.open_at + length) % coarse == 0:
            self._complete(coarse)

    def _complete(self, length: int) -> None:
        """Give a tier the candles that the one below it can make whole since its last."""
        finer = next((fine for fine, coarse in _COARSER.items() if coarse == length), None)
        below = self._tiers[finer] if finer else []
        if finer is None or not below:
            return
        tier, known_to = self._tiers[length], below[-1].open_at + finer
        opened = tier[-1].open_at + length if tier else bar_open(below[0].open_at, length)
        for open_at in range(opened, known_to - length + 1, length):
            parts = _between(below, Instant(open_at), Instant(open_at + length))
            if parts:
                self._append(length, merged(parts, Instant(open_at)))


def merged(parts: Sequence[Bar], open_at: Instant, *, closed: bool = True) -> Bar:
    """Return the candle that `parts`, at least one and oldest first, make together."""
    return Bar(
        open_at=open_at,
        open=parts[0].open,
        high=max(bar.high for bar in parts),
        low=min(bar.low for bar in parts),
        close=parts[-1].close,
        volume=Qty(sum((bar.volume for bar in parts), ZERO)),
        turnover=sum((bar.turnover for bar in parts), ZERO),
        closed=closed,
    )


def _between(tier: list[Bar], begin: Instant, end: Instant) -> list[Bar]:
    return tier[bisect_left(tier, begin, key=_opens) : bisect_left(tier, end, key=_opens)]


def _opens(bar: Bar) -> Instant:
    return bar.open_at


def _extended(bar: Bar | None, trade: Trade, open_at: Instant) -> Bar:
    made = Bar(
        open_at=open_at,
        open=trade.price,
        high=trade.price,
        low=trade.price,
        close=trade.price,
        volume=trade.qty,
        turnover=trade.price * trade.qty,
        closed=False,
    )
    return made if bar is None else merged((bar, made), open_at, closed=False)
