"""One symbol for which nobody answers is nobody else's trouble, least of all of a symbol with a position."""

from decimal import Decimal
from pathlib import Path
from typing import Final

from libs.common.units import Symbol
from services.fetcher.adapters.gateway import ASKING
from tests.support.market_hall import market_hall
from tests.support.venue_candles import BTC

CROWD: Final = tuple(Symbol(f"FLAT{n}USDT") for n in range(2 * ASKING))


async def test_flat_symbols_that_nobody_answers_for_never_delay_a_held_one(tmp_path: Path) -> None:
    """freqtrade#11725, freqtrade#7588: candles that hung kept every other pair stale for days."""
    async with market_hall(tmp_path, symbols=(BTC, *CROWD)) as hall:
        replica = await hall.starts()
        await hall.loaded()
        hall.holds(BTC)
        await hall.until(lambda: replica.fetcher.held == {BTC})
        hall.venue.silence(*CROWD)
        hall.closes(0, symbols=CROWD, heard=False)
        hall.closes(1, symbols=CROWD)
        asked = hall.venue.reads
        await hall.until(lambda: hall.venue.reads == asked + ASKING)  # every question that there is room for hangs

        hall.closes(0, symbols=(BTC,), heard=False)
        hall.closes(1, symbols=(BTC,))
        hall.venue.set_price(BTC, "1234")

        await hall.until(lambda: hall.told() == [0, 1], within_s=1)
        assert hall.prices()[-1] == Decimal(1234)
        assert all(hall.told(symbol) == [] for symbol in CROWD)
        hall.venue.heard_again(*CROWD)
        await hall.until(lambda: all(hall.told(symbol) == [0, 1] for symbol in CROWD))


async def test_a_symbol_that_is_entered_while_nobody_answers_is_repaired_before_the_others(tmp_path: Path) -> None:
    """Its question was waiting for room among the others' when the position was opened."""
    late = CROWD[-1]
    async with market_hall(tmp_path, symbols=CROWD) as hall:
        await hall.starts()
        await hall.loaded()
        hall.venue.silence(*CROWD[:-1])
        hall.closes(0, heard=False)
        hall.closes(1)
        asked = hall.venue.reads
        await hall.until(lambda: hall.venue.reads == asked + ASKING)
        assert hall.told(late) == []
        hall.holds(late)
        await hall.until(lambda: hall.told(late) == [0, 1], within_s=2)
        hall.venue.heard_again(*CROWD[:-1])
