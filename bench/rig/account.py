"""What the executor's benchmarks do around it: signals and prices on its streams, positions closed by hand."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from redis.asyncio import Redis

from bench.rig.asked import Traded, once, signed_get, signed_post
from bench.rig.process import Served
from libs.common.contracts.market import PriceMoved
from libs.common.contracts.message import Message, message_id
from libs.common.contracts.registry import encode
from libs.common.contracts.signals import Decision, SignalMade
from libs.common.ids import ENTRY, OrderName
from libs.common.units import Fraction, Instant, Price, Side, Symbol, Timeframe

PREFIX: Final = "ik:"
GROUP: Final = "executor"
ATR: Final = Decimal("0.01")  # of the price
STEP_MS: Final = Timeframe.M15.ms


@dataclass(frozen=True, slots=True)
class Asked:
    """A signal, and the id of the order that it leads to."""

    signal: SignalMade
    link_id: str


def signal(traded: Traded, slot: Instant) -> Asked:
    symbol, price = Symbol(traded.symbol), Price(Decimal(traded.high) / 2)
    decision = Decision(
        confidence=Fraction(Decimal("0.62")),
        votes=(),
        threshold=Fraction(Decimal("0.5")),
        rationale="a benchmark's",
        price=price,
        atr=Price(price * ATR),
        adx=Fraction(Decimal(27)),
        volatility=Fraction(Decimal("0.002")),
        policy="random:1",
        model_version="",
        feature_digest="",
    )
    made = SignalMade(
        id=message_id(SignalMade, symbol, str(slot)),
        cause=f"{symbol}-{slot}",
        trace=f"{symbol}-{slot}",
        at=slot,
        symbol=symbol,
        side=Side.LONG,
        slot=slot,
        valid_until=Instant(slot + STEP_MS),
        size_multiplier=Fraction(Decimal(1)),
        decision=decision,
    )
    return Asked(made, OrderName(symbol, slot, ENTRY).link_id())


async def put(redis: Redis, *messages: Message) -> float:
    """Append to the streams as the bus does, in one round trip; the monotonic seconds at which it began."""
    began, sent = time.monotonic(), Instant(time.time_ns() // 1_000_000)
    async with redis.pipeline(transaction=False) as pipe:
        for message in messages:
            schema, body = encode(message.stamped(sent=sent, source="bench/1"))
            pipe.xadd(PREFIX + message.stream(), {"t": schema, "m": body}, maxlen=10_000, approximate=True)
        await pipe.execute()
    return began


def price(traded: Traded, at: Instant, number: int) -> PriceMoved:
    """A price a little off the market's, so that every one is news."""
    value = Price(Decimal(traded.high) / 2 * (1 + Decimal(number % 7) / 10_000))
    name = message_id(PriceMoved, traded.symbol, str(number))
    return PriceMoved(id=name, cause="", trace=name, at=at, symbol=Symbol(traded.symbol), last=value, mark=value)


async def unfinished(redis: Redis) -> int:
    """Signals that the executors have not acknowledged."""
    groups = await redis.xinfo_groups(PREFIX + "signal")
    ours = next(group for group in groups if group["name"].decode() == GROUP)
    return int(ours["pending"]) + int(ours["lag"] or 0)


async def market_ms(exchange: Served) -> Instant:
    answer = json.loads(await once(exchange, b"GET /paper/v1/clock HTTP/1.1\r\nHost: paper\r\n\r\n"))
    return Instant(int(answer["market_ms"]))


async def open_at(exchange: Served) -> Sequence[dict[str, Any]]:
    answer = await once(exchange, signed_get("/v5/position/list", "category=linear&settleCoin=USDT&limit=200"))
    return [row for row in json.loads(answer)["result"]["list"] if Decimal(row["size"])]


async def close_all(exchange: Served) -> int:
    """Close every position at the venue, as a person would; how many there were."""
    rows = await open_at(exchange)
    for row in rows:
        body = {"category": "linear", "symbol": row["symbol"], "orderType": "Market", "qty": row["size"]}
        side = "Sell" if row["side"] == "Buy" else "Buy"
        await once(exchange, signed_post("/v5/order/create", body | {"side": side, "reduceOnly": True}))
    return len(rows)
