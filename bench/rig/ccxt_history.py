"""The same history by ccxt alone, as a bot would load it.

    python -m bench.rig.ccxt_history <REST base> <candles> <at once; 0: as ccxt's own limiter lets them>

Prints, as JSON, seconds and CPU seconds from the first question to the last answer, the list of markets not counted,
and how many candles that gave.
"""

import asyncio
import json
import sys
import time
from contextlib import AsyncExitStack

import ccxt.async_support as ccxt

from libs.common.units import Timeframe

TIMEFRAMES = (Timeframe.M15, Timeframe.M30, Timeframe.H1)


async def main(base: str, candles: int, at_once: int) -> None:
    rest = dict.fromkeys(("spot", "futures", "v2", "public", "private"), base)
    options = {"fetchMarkets": {"types": ["linear"]}}
    async with AsyncExitStack() as stack:
        bybit = ccxt.bybit({"urls": {"api": rest}, "options": options, "enableRateLimit": not at_once})
        stack.push_async_callback(bybit.close)
        markets = await bybit.load_markets()
        turn = asyncio.Semaphore(at_once or len(markets) * len(TIMEFRAMES))

        async def series(symbol: str, timeframe: str) -> int:
            async with turn:
                return len(await bybit.fetch_ohlcv(symbol, timeframe, limit=candles))

        began, busy = time.monotonic(), time.process_time()
        found = await asyncio.gather(*(series(symbol, frame) for symbol in markets for frame in TIMEFRAMES))
        took, cpu = time.monotonic() - began, time.process_time() - busy
    sys.stdout.write(json.dumps({"took_s": took, "cpu_s": cpu, "candles": sum(found)}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
