"""How many closed 15m candles a second a replay drives through matching: 50 symbols, an open order on each.

python -m bench.replay_candles [--days 20] [--without-books]
"""

import argparse
import time
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from libs.common.clock import SystemClock
from libs.common.units import DAY_MS, MINUTE_MS, Instant, Symbol, Usd
from services.paper_exchange.adapters.disk.books_file import BooksFile
from services.paper_exchange.adapters.http.clock_api import STRIDE_MS
from services.paper_exchange.adapters.markets.replay import replay_market
from services.paper_exchange.core.books.fields import Fields
from services.paper_exchange.core.dialect.frames import PrivateFrame
from services.paper_exchange.core.market.board import Board
from services.paper_exchange.service import Opening, World
from tests.support.panels import MADE_FIRST, random_walk, write_candles

SYMBOLS: Final = 50
QUARTER_MS: Final = 15 * MINUTE_MS
A_DAY: Final = DAY_MS // QUARTER_MS


class Nobody:
    """Hears nothing: what is measured is the market and the books."""

    def push(self, frames: Sequence[PrivateFrame], at: Instant) -> None:
        """Let the frames go."""


def panel(folder: Path, days: int) -> Board:
    for number in range(SYMBOLS):
        rows = random_walk(number, (days + 2) * A_DAY, 100.0, 2)
        write_candles(folder / f"S{number:02d}USDT-15m.parquet", MADE_FIRST, QUARTER_MS, rows)
    return replay_market(folder, symbols="top:50", start=Instant(MADE_FIRST + 2 * DAY_MS), end=None)


def order_everywhere(world: World) -> None:
    """Rest a buy far below the market on every symbol, and hold a position with a stop on every tenth."""
    for number, instrument in enumerate(world.market.instruments):
        price = world.market.price(instrument.symbol, world.now) or Decimal(1)
        order: dict[str, str] = {"category": "linear", "symbol": Symbol(instrument.symbol), "side": "Buy", "qty": "1"}
        far = str((price / 2).quantize(instrument.tick))
        world.command("/v5/order/create", Fields({**order, "orderType": "Limit", "price": far}))
        if number % 10 == 0:
            world.command("/v5/order/create", Fields({**order, "orderType": "Market", "stopLoss": far}))
    world.flush()


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--days", type=int, default=20)
    asked.add_argument("--without-books", action="store_true")
    told = asked.parse_args()
    with TemporaryDirectory() as name:
        board = panel(Path(name), told.days)
        until = Instant(board.start + told.days * DAY_MS)
        with BooksFile(Path(name) / "books.db", world="bench") as file:
            opening = Opening(Usd(Decimal(10**7)), 7, None, False)
            world = World.open(board, file, Nobody(), opening, clock=SystemClock())
            order_everywhere(world)
            began, ticks, now = time.process_time(), 0, board.start
            while now < until:
                after, now = now, Instant(min(until, now + STRIDE_MS))
                if told.without_books:
                    ticks += len(board.path(after, now))
                else:
                    world.advance(now)
            took = time.process_time() - began
        candles = told.days * A_DAY * SYMBOLS
        print(f"{candles / took:,.0f} closed 15m candles/s ({candles} in {took:.2f} CPU s), {ticks} ticks seen")


if __name__ == "__main__":
    main()
