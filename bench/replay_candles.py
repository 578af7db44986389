"""How many closed 15m candles a second a market as fast as possible drives through matching, with its books on disk.

    python -m bench.replay_candles [<folder of panels>] [--days 10] [--runs 3]

Without a folder 50 invented symbols are played. On every symbol there are, all the time, a position with a stop loss
and a take profit (on every fourth a trailing stop too), a limit order and a conditional order a few per cent away:
what fills, triggers or ends is opened again every two market hours, which is not part of the time that is measured.
Both margins are played, and as the floor the market alone, whose ticks nobody looks at.
"""

import argparse
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import structlog

from bench.rig.machine import Figures, noise
from libs.common.clock import SystemClock
from libs.common.errors import Refused
from libs.common.exchange.market_types import Instrument
from libs.common.units import DAY_MS, HOUR_MS, MINUTE_MS, Instant, Price, Usd, ceil_to, floor_to
from services.paper_exchange.adapters.disk.books_file import BooksFile
from services.paper_exchange.adapters.http.clock_api import STRIDE_MS
from services.paper_exchange.adapters.markets.replay import replay_market
from services.paper_exchange.adapters.markets.synthetic import synthetic_market
from services.paper_exchange.core.books.fields import Fields
from services.paper_exchange.core.dialect.frames import PrivateFrame
from services.paper_exchange.core.market.board import Board
from services.paper_exchange.service import Opening, World

SYMBOLS: Final = 50
QUARTER_MS: Final = 15 * MINUTE_MS
TENDED_MS: Final = 2 * HOUR_MS
WORTH: Final = Decimal(1_000)  # USDT a position
WALLET: Final = Usd(Decimal(10**7))
MODES: Final = ("ISOLATED_MARGIN", "REGULAR_MARGIN")


class Nobody:
    """Hears nothing: what is measured is the market and the books."""

    def push(self, frames: Sequence[PrivateFrame], at: Instant) -> None:
        """Let the frames go."""


@dataclass(frozen=True, slots=True)
class Played:
    took_s: float
    candles: int
    ticks: int
    fills: int
    orders: int


class Trader:
    """Keeps something open on every symbol."""

    def __init__(self, world: World) -> None:
        self._world = world

    def tend(self) -> None:
        """Open again what is missing."""
        books = self._world.books
        for number, instrument in enumerate(self._world.market.instruments):
            price = books.last.get(instrument.symbol)
            if price is None:
                continue
            own = [order for order in books.open_orders(instrument.symbol) if not order.guards]
            if books.position(instrument.symbol).side is None:
                self._open(number, instrument, price)
            if not any(order.waits for order in own):
                self._ask(instrument, price, triggerPrice=_near(price, "1.03", instrument), triggerDirection="1")
            if all(order.waits for order in own):
                self._ask(instrument, price, orderType="Limit", price=_near(price, "0.98", instrument))
        self._world.flush()

    def _open(self, number: int, instrument: Instrument, price: Price) -> None:
        stop, target = _near(price, "0.97", instrument), _near(price, "1.04", instrument)
        self._ask(instrument, price, stopLoss=stop, takeProfit=target)
        if number % 4 == 0:
            distance = str(max(floor_to(price / 50, instrument.tick), instrument.tick))
            fields = {"category": "linear", "symbol": instrument.symbol, "trailingStop": distance}
            self._try("/v5/position/trading-stop", fields)

    def _ask(self, instrument: Instrument, last: Price, **fields: str) -> None:
        qty = ceil_to(max(WORTH / last, instrument.min_qty), instrument.qty_step)
        order = {"category": "linear", "symbol": instrument.symbol, "side": "Buy", "qty": str(qty)}
        self._try("/v5/order/create", {"orderType": "Market", **order, **fields})

    def _try(self, path: str, fields: dict[str, str]) -> None:
        try:
            self._world.command(path, Fields({**fields}))
        except Refused:  # a market that leapt has left no room for it
            return


def _near(price: Price, factor: str, instrument: Instrument) -> str:
    return f"{max(floor_to(price * Decimal(factor), instrument.tick), instrument.tick):f}"


def play(board: Board, days: int, mode: str, home: Path) -> Played:
    """Play `days` with the books on disk; only the market's moves are timed."""
    with BooksFile(home / f"{mode}-{time.monotonic_ns()}.db", world="bench") as file:
        world = World.open(board, file, Nobody(), Opening(WALLET, 7, None, False), clock=SystemClock())
        world.command("/v5/account/set-margin-mode", Fields({"setMarginMode": mode}))
        trader, took, now, until = Trader(world), 0.0, board.start, Instant(board.start + days * DAY_MS)
        while now < until:
            trader.tend()
            tended = Instant(min(until, now + TENDED_MS))
            began = time.perf_counter()
            while now < tended:
                now = Instant(min(tended, now + STRIDE_MS))
                world.advance(now)
            took += time.perf_counter() - began
        totals = world.books.totals
        return Played(took, _candles(board, days), 0, totals.executions, totals.orders)


def look(board: Board, days: int) -> Played:
    """Let the market pass by itself."""
    began, now, ticks = time.perf_counter(), board.start, 0
    while now < board.start + days * DAY_MS:
        after, now = now, Instant(now + STRIDE_MS)
        ticks += len(board.path(after, now))
    return Played(time.perf_counter() - began, _candles(board, days), ticks, 0, 0)


def _candles(board: Board, days: int) -> int:
    """Closed 15m candles of every symbol, from when it was listed."""
    end = board.start + days * DAY_MS
    return sum(max(0, end - max(board.start, each.launched)) // QUARTER_MS for each in board.instruments)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("panels", nargs="?", type=Path)
    asked.add_argument("--days", type=int, default=10)
    asked.add_argument("--runs", type=int, default=3)
    told = asked.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    print(noise())
    found: dict[str, list[Played]] = {"market alone": [], **{mode: [] for mode in MODES}}
    with TemporaryDirectory() as name:
        for _ in range(told.runs):
            found["market alone"].append(look(_board(told.panels), told.days))
            for mode in MODES:
                found[mode].append(play(_board(told.panels), told.days, mode, Path(name)))
    market = told.panels.name if told.panels else "invented"
    for kind, runs in found.items():
        rates = Figures([run.candles / run.took_s for run in runs])
        last = runs[-1]
        done = f"{last.ticks} ticks" if last.ticks else f"{last.orders} orders, {last.fills} executions"
        print(f"{market}, {kind}: {rates.text()} closed 15m candles/s ({last.candles} candles, {done})")
    print(noise())


def _board(panels: Path | None) -> Board:
    """A board of its own for every run: nothing is remembered of the one before."""
    if panels is None:
        return synthetic_market(seed=7, symbols=SYMBOLS, start=None, end=None)
    return replay_market(panels, symbols=f"top:{SYMBOLS}", start=None, end=None)


if __name__ == "__main__":
    main()
