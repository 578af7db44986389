"""A market that a test writes line by line: prices at moments, funding at moments, nothing invented."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from libs.common.exchange.market_types import Instrument
from libs.common.exchange.trading_types import Action
from libs.common.units import HOUR_MS, Fraction, Instant, Price, Qty, Symbol, Usd
from services.paper_exchange.core.market.market import Bar, Day, Settlement, Tick, Trade

START = Instant(1_757_894_400_000)  # 2025-09-15
BTC = Symbol("BTCUSDT")
ETH = Symbol("ETHUSDT")


def instrument(symbol: Symbol = BTC, **changes: object) -> Instrument:
    """A perpetual with tick 0.1 and step 0.001, listed long ago."""
    usual: dict[str, object] = {
        "symbol": symbol,
        "tick": Price(Decimal("0.1")),
        "qty_step": Qty(Decimal("0.001")),
        "min_qty": Qty(Decimal("0.001")),
        "max_market_qty": Qty(Decimal(100)),
        "min_notional": Usd(Decimal(5)),
        "max_leverage": Fraction(Decimal(50)),
        "launched": Instant(0),
        "funding_interval_ms": 8 * HOUR_MS,
    }
    return Instrument(**{**usual, **changes})  # type: ignore[arg-type]


@dataclass
class ScriptedMarket:
    """Prices are `first` until the first tick; it has no candles, so the spread is the least there is."""

    ticks: Sequence[Tick] = ()
    funding: Sequence[Settlement] = ()
    instruments: Sequence[Instrument] = field(default_factory=lambda: (instrument(BTC), instrument(ETH)))
    first: Mapping[Symbol, Price] = field(default_factory=lambda: {BTC: Price(Decimal(100)), ETH: Price(Decimal(10))})
    start: Instant = START
    end: Instant | None = None

    def path(self, after: Instant, until: Instant) -> Sequence[Tick]:
        return [tick for tick in self.ticks if after < tick.at <= until]

    def price(self, symbol: Symbol, now: Instant) -> Price | None:
        seen = [tick for tick in self.ticks if tick.symbol == symbol]
        index = bisect_right([tick.at for tick in seen], now)
        return seen[index - 1].price if index else self.first.get(symbol)

    def mark(self, symbol: Symbol, now: Instant) -> Price | None:
        seen = [tick for tick in self.ticks if tick.symbol == symbol and tick.at <= now]
        return seen[-1].mark if seen else self.first.get(symbol)

    def bars(
        self,
        symbol: Symbol,
        interval_ms: int,
        *,
        start: Instant | None,
        end: Instant | None,
        limit: int,
        now: Instant,
    ) -> Sequence[Bar]:
        return ()

    def marks(
        self,
        symbol: Symbol,
        interval_ms: int,
        *,
        start: Instant | None,
        end: Instant | None,
        limit: int,
        now: Instant,
    ) -> Sequence[Bar]:
        return ()

    def premiums(
        self,
        symbol: Symbol,
        interval_ms: int,
        *,
        start: Instant | None,
        end: Instant | None,
        limit: int,
        now: Instant,
    ) -> Sequence[Bar]:
        return ()

    def trades(self, symbol: Symbol, *, after: Instant | None, now: Instant, limit: int) -> Sequence[Trade]:
        """Every tick is a buyer's trade; its number is its place in the script."""
        since = Instant(-1) if after is None else after
        found = [
            Trade(tick.at, symbol, tick.price, tick.volume, Action.BUY, number, f"trade-{number}")
            for number, tick in enumerate(self.ticks)
            if tick.symbol == symbol and since < tick.at <= now
        ]
        return found[-limit:]

    def delisting(self, symbol: Symbol) -> Instant | None:
        return None

    def next_settlement(self, symbol: Symbol, now: Instant) -> Instant:
        return next((each.at for each in self.funding if each.at > now), Instant(now + 8 * HOUR_MS))

    def settlements(self, after: Instant, until: Instant, of: Symbol | None = None) -> Sequence[Settlement]:
        return [each for each in self.funding if after < each.at <= until and of in {None, each.symbol}]

    def funding_rate(self, symbol: Symbol, now: Instant) -> Decimal:
        return Decimal("0.0001")

    def day(self, symbol: Symbol, now: Instant) -> Day | None:
        return None


def prices(*values: str, symbol: Symbol = BTC, after: Instant = START, every_ms: int = 1_000) -> list[Tick]:
    """One tick a second with these prices, which are mark prices too, and a volume of 10."""
    return [
        Tick(Instant(after + every_ms * number), symbol, price, price, Qty(Decimal(10)))
        for number, value in enumerate(values, 1)
        for price in (Price(Decimal(value)),)
    ]
