"""What Redis and the files have of a symbol: looked at when it is taken up, let go of when nobody fetches it."""

from collections.abc import Collection, Sequence
from typing import Final

import structlog

from libs.common.bus import Bus
from libs.common.errors import Transient
from libs.common.units import Instant, Symbol, Timeframe
from services.fetcher.adapters.candle_files import CandleFiles
from services.fetcher.core.catch_up import Key

log = structlog.get_logger()

FORGET_S: Final = 3_600  # wall: so long Redis has the candles of a symbol that nobody fetches any more


class Stored:
    def __init__(self, bus: Bus, files: CandleFiles, timeframes: Sequence[Timeframe]) -> None:
        self._bus, self._files, self._timeframes = bus, files, timeframes

    async def taken_up(self, symbol: Symbol) -> dict[Timeframe, Instant | None]:
        """Where each series ends; what its file lacks of it is copied there. Raises Transient."""
        found: dict[Timeframe, Instant | None] = {}
        await self._bus.keep_series(self._keys(symbol), for_s=None)
        for timeframe in self._timeframes:
            newest = await self._bus.series(symbol, timeframe, newest=1)
            top = found[timeframe] = newest[-1].open_at if newest else None
            filed = await self._files.newest((symbol, timeframe))
            if top is not None and (filed is None or filed < top):
                for candle in await self._bus.series(symbol, timeframe, since=Instant((filed or 0) + 1)):
                    self._files.note(candle)
        return found

    async def let_go(self, symbols: Collection[Symbol]) -> None:
        """Have Redis forget them in a while: over the months they are most of what a venue lists."""
        try:
            await self._bus.keep_series([key for symbol in symbols for key in self._keys(symbol)], for_s=FORGET_S)
        except Transient as error:
            log.warning("series.not_forgotten", symbols=sorted(symbols), reason=str(error))

    def _keys(self, symbol: Symbol) -> list[Key]:
        return [(symbol, timeframe) for timeframe in self._timeframes]
