"""Candle series in Redis: one stream a symbol and timeframe, its entry ids the candles' open times.

So Redis itself refuses a repeated or a late candle, and a time range is an XRANGE.
"""

from collections.abc import Sequence
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from libs.common.bus import Appended
from libs.common.bus.dead_letters import DeadLetters
from libs.common.bus.entries import Entry, as_entry
from libs.common.contracts.market import CandleClosed
from libs.common.contracts.registry import encode
from libs.common.errors import Poison
from libs.common.units import Instant, Symbol, Timeframe

# One script, so that no crash can come between the series and the stream that tells of it.
_ANNOUNCE: Final = """
local top = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
local last = top[1] and string.match(top[1][1], '%d+') or ''
if last ~= '' and tonumber(last) >= tonumber(ARGV[1]) then return 'there' end
if last ~= ARGV[2] then return 'broken' end
redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[5], ARGV[1] .. '-0', 't', ARGV[3], 'm', ARGV[4])
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[6], '*', 't', ARGV[3], 'm', ARGV[4])
return 'new'
"""
_REFUSED: Final = "equal or smaller than the target stream top item"


def series_name(symbol: Symbol, timeframe: Timeframe) -> str:
    """The stream of a series, without prefix."""
    return f"candles:{symbol}:{timeframe}"


class SeriesStore:
    def __init__(self, redis: Redis, *, prefix: str, length: int, stream_length: int, dead: DeadLetters) -> None:
        self._redis, self._prefix, self._length, self._dead = redis, prefix, length, dead
        self._stream_length = stream_length
        self._announce = redis.register_script(_ANNOUNCE)

    async def append(self, candles: Sequence[CandleClosed]) -> int:
        """Append in the order given; return how many were new. The others are there, or a later one is."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for candle in candles:
                schema, body = encode(candle)
                pipe.xadd(
                    self._prefix + series_name(candle.symbol, candle.timeframe),
                    {"t": schema, "m": body},
                    id=f"{candle.open_at}-0",
                    maxlen=self._length,
                    approximate=True,
                )
            answers = await pipe.execute(raise_on_error=False)
        return sum(self._is_new(answer) for answer in answers)

    async def announce(self, candle: CandleClosed, after: Instant | None) -> Appended:
        """Append to the series and to the stream of candles, if the series ends with `after`."""
        schema, body = encode(candle)
        keys = [self._prefix + series_name(candle.symbol, candle.timeframe), self._prefix + candle.stream()]
        before = "" if after is None else str(after)
        lengths = [self._length, self._stream_length]
        answer: bytes | str = await self._announce(
            keys=keys, args=[str(candle.open_at), before, schema, body, *lengths]
        )
        return Appended(answer.decode() if isinstance(answer, bytes) else answer)

    @staticmethod
    def _is_new(answer: object) -> bool:
        if isinstance(answer, ResponseError) and _REFUSED in str(answer):
            return False
        if isinstance(answer, Exception):
            raise answer
        return True

    async def read(
        self, symbol: Symbol, timeframe: Timeframe, *, since: Instant, newest: int | None
    ) -> list[CandleClosed]:
        stream = series_name(symbol, timeframe)
        rows: Any
        if newest is None:
            rows = await self._redis.xrange(self._prefix + stream, min=str(since))
        else:
            rows = await self._redis.xrevrange(self._prefix + stream, min=str(since), count=newest)
            rows.reverse()
        entries = [as_entry(stream, row) for row in rows]
        return [candle for entry in entries if (candle := await self._readable(entry)) is not None]

    async def _readable(self, entry: Entry) -> CandleClosed | None:
        try:
            message = entry.message()
            if not isinstance(message, CandleClosed):
                raise Poison(f"{message.schema_name} on a series of candles")
        except Poison as error:
            await self._dead.bury(entry, str(error), group=None)
            return None
        return message
