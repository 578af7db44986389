"""What Redis and the files have of symbols: looked at when they are taken up, let go of when nobody fetches them."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from libs.common.bus import Bus
from libs.common.contracts.market import CandleClosed
from libs.common.errors import Transient
from libs.common.units import Instant, Symbol, Timeframe
from services.fetcher.adapters.candle_files import CandleFiles
from services.fetcher.core.catch_up import Key
from services.fetcher.core.outliers import WINDOW

log = structlog.get_logger()

FORGET_S: Final = 3_600  # wall: so long Redis has the candles of a symbol that nobody fetches any more

Ends = dict[Timeframe, Instant | None]  # the open time that each series ends with; None: it is empty


@dataclass(frozen=True, slots=True)
class TakenUp:
    """What Redis has of a symbol. newest: the last WINDOW candles of each series, oldest first."""

    ends: Ends
    newest: Sequence[CandleClosed]


class Stored:
    def __init__(self, bus: Bus, files: CandleFiles, timeframes: Sequence[Timeframe]) -> None:
        self._bus, self._files, self._timeframes = bus, files, timeframes
        self._is_whole = True  # no candle was lost with a torn file
        self._writing = asyncio.Lock()

    async def taken_up(self, symbols: Sequence[Symbol]) -> Mapping[Symbol, TakenUp]:
        """Have these series kept and filed, and return where they end and with what. Raises Transient."""
        await self._bus.keep_series(self._keys(symbols), for_s=None)
        ends = await self.filed(symbols)
        return {symbol: TakenUp(ends[symbol], await self._newest(symbol)) for symbol in symbols}

    async def filed(self, symbols: Sequence[Symbol]) -> Mapping[Symbol, Ends]:
        """Copy to the files what they lack of these series, and return where each ends. Raises Transient."""
        keys = self._keys(symbols)
        found = dict(zip(keys, await self._bus.series_ends(keys), strict=True))
        filed = await self._files.ends(keys)
        for key, end in found.items():
            if end is not None and (filed[key] or -1) < end:
                missing = await self._bus.series(*key, since=Instant((filed[key] or 0) + 1))
                if missing:
                    self._files.note(*missing)
        return {symbol: {frame: found[symbol, frame] for frame in self._timeframes} for symbol in symbols}

    async def written(self, symbols: Collection[Symbol]) -> None:
        """Write what waits; what was torn has lost candles, so all that Redis has of our `symbols` is filed again."""
        async with self._writing:
            if not await self._files.flush():
                self._is_whole = False
            if self._is_whole:
                return
            try:
                await self.filed(sorted(symbols))
            except Transient as error:
                log.warning("files.not_whole", reason=str(error))
            else:
                self._is_whole = await self._files.flush()

    async def let_go(self, symbols: Collection[Symbol]) -> None:
        """Have Redis forget them in a while: over the months they are most of what a venue lists."""
        try:
            await self._bus.keep_series(self._keys(symbols), for_s=FORGET_S)
        except Transient as error:
            log.warning("series.not_forgotten", symbols=sorted(symbols), reason=str(error))

    async def _newest(self, symbol: Symbol) -> Sequence[CandleClosed]:
        series = [await self._bus.series(*key, newest=WINDOW) for key in self._keys([symbol])]
        return [candle for candles in series for candle in candles]

    def _keys(self, symbols: Collection[Symbol]) -> list[Key]:
        return [(symbol, timeframe) for symbol in symbols for timeframe in self._timeframes]
