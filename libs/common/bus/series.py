"""Candle series in Redis: one stream a symbol and timeframe, its entry ids the candles' open times.

So Redis itself refuses a repeated or a late candle, and a time range is an XRANGE.
"""

from collections.abc import Sequence
from typing import Any, Final

from redis.asyncio import Redis

from libs.common.bus import Appended, Following
from libs.common.bus.dead_letters import DeadLetters
from libs.common.bus.entries import Entry, as_entry
from libs.common.contracts.market import CandleClosed, ClosedBar, closed_json
from libs.common.contracts.registry import encode
from libs.common.errors import Poison
from libs.common.redis_connection import Argument, ScriptLine
from libs.common.units import Instant, Symbol, Timeframe

# One script, so that no crash can come between a series and the stream that tells of it; and one for all that close in
# a moment, for a round trip each would make the last of them wait for all the others'. Numbers and bodies come in one
# piece each, here and below: hundreds of arguments cost both ends more than taking the pieces apart. `-`: no candle.
_ANNOUNCE: Final = """
local call, match, find, became = redis.call, string.match, string.find, {}
local stream, kept, most, schema, bodies = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[5]
local next_time, from = string.gmatch(ARGV[4], '[^ ]+'), 1
for n = 1, #KEYS - 1 do
  local series, open_at, after = KEYS[n + 1], next_time(), next_time()
  local to = find(bodies, '\\n', from, true)
  local top = call('XREVRANGE', series, '+', '-', 'COUNT', 1)[1]
  local last = top and match(top[1], '%d+') or '-'
  if last ~= '-' and tonumber(last) >= tonumber(open_at) then
    became[n] = 'there'
  elseif last ~= after then
    became[n] = 'broken'
  else
    local body = string.sub(bodies, from, to - 1)
    call('XADD', series, 'MAXLEN', '~', kept, open_at, 't', schema, 'm', body)
    call('XADD', stream, '*', 't', schema, 'm', body)
    became[n] = 'new'
  end
  from = to + 1
end
call('XTRIM', stream, 'MAXLEN', '~', most)
return became
"""
# One script too: of two fetchers that fill one series neither can leave a hole behind the other's candles.
_APPEND: Final = """
local top = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
local last = top[1] and tonumber(string.match(top[1][1], '%d+')) or -1
if ARGV[1] ~= '' and last < tonumber(ARGV[1]) then return -1 end
local call, series, schema, bodies = redis.call, KEYS[1], ARGV[3], ARGV[5]
local new, from = 0, 1
for id in string.gmatch(ARGV[4], '%d+') do
  local to, at = string.find(bodies, '\\n', from, true), tonumber(id)
  if at > last then
    call('XADD', series, id, 't', schema, 'm', string.sub(bodies, from, to - 1))
    last, new = at, new + 1
  end
  from = to + 1
end
if new > 0 then call('XTRIM', series, 'MAXLEN', '~', ARGV[2]) end
return new
"""
_ENDS: Final = """
local ends = {}
for n = 1, #KEYS do
  local top = redis.call('XREVRANGE', KEYS[n], '+', '-', 'COUNT', 1)
  ends[n] = top[1] and string.match(top[1][1], '%d+') or ''
end
return ends
"""


def body_of(candle: ClosedBar) -> str:
    """What a series stores of a candle: a message as it is, any other as the message that it would be."""
    return encode(candle)[1].decode() if isinstance(candle, CandleClosed) else closed_json(candle)


def announced(candle: ClosedBar, *, sent: Instant, source: str) -> str:
    """What is told of a candle: its message with this stamp."""
    if isinstance(candle, CandleClosed):
        return encode(candle.stamped(sent=sent, source=source))[1].decode()
    return closed_json(candle, sent=sent, source=source)


def _in_one_piece(bodies: Sequence[str]) -> str:
    """One after the other, each with its end: JSON has no line breaks."""
    return "\n".join(bodies) + "\n"


def series_name(symbol: Symbol, timeframe: Timeframe) -> str:
    """The stream of a series, without prefix."""
    return f"candles:{symbol}:{timeframe}"


class SeriesStore:
    def __init__(
        self, redis: Redis, line: ScriptLine, *, prefix: str, length: int, stream_length: int, dead: DeadLetters
    ) -> None:
        self._redis, self._line, self._prefix, self._length, self._dead = redis, line, prefix, length, dead
        self._stream_length = stream_length
        self._announce = redis.register_script(_ANNOUNCE)
        self._append = redis.register_script(_APPEND)
        self._ends = redis.register_script(_ENDS)

    async def append(self, candles: Sequence[ClosedBar], after: Instant | None) -> int | None:
        """See `Bus.append_history`."""
        if not candles:
            return 0
        first = candles[0]
        opens = " ".join([str(candle.open_at) for candle in candles])
        bodies = _in_one_piece([body_of(candle) for candle in candles])
        reached: Argument = "" if after is None else after
        args = (reached, self._length, CandleClosed.schema_name, opens, bodies)
        key = self._prefix + series_name(first.symbol, first.timeframe)
        new: int = await self._line.run(self._append, [key], args)
        return None if new < 0 else new

    async def ends(self, keys: Sequence[tuple[Symbol, Timeframe]]) -> Sequence[Instant | None]:
        """See `Bus.series_ends`."""
        if not keys:
            return ()
        answer: list[bytes] = await self._line.run(self._ends, [self._prefix + series_name(*key) for key in keys], ())
        return [Instant(int(end)) if end else None for end in answer]

    async def keep(self, keys: Sequence[tuple[Symbol, Timeframe]], for_s: int | None) -> None:
        """See `Bus.keep_series`."""
        async with self._redis.pipeline(transaction=True) as pipe:
            for key in keys:
                name = self._prefix + series_name(*key)
                pipe.persist(name) if for_s is None else pipe.expire(name, for_s)
            await pipe.execute()

    async def announce(self, candles: Sequence[Following], *, sent: Instant, source: str) -> list[Appended]:
        """See `Bus.announce`."""
        if not candles:
            return []
        prefix = self._prefix
        keys = [prefix + series_name(candle.symbol, candle.timeframe) for candle, _ in candles]
        times = " ".join([f"{candle.open_at} {'-' if after is None else after}" for candle, after in candles])
        bodies = _in_one_piece([announced(candle, sent=sent, source=source) for candle, _ in candles])
        args = (self._length, self._stream_length, CandleClosed.schema_name, times, bodies)
        became: list[bytes] = await self._line.run(self._announce, [prefix + CandleClosed.stream(), *keys], args)
        return [Appended(answer.decode()) for answer in became]

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
