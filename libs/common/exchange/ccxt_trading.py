"""`Trading` at Bybit, or at anything that speaks its v5 dialect, through ccxt.

Writes never raise for what the venue or the network did: every outcome is a value, and what may have happened is
`Ambiguous`. Reads raise Transient when nothing is known, Refused when the venue said no.
"""

from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from random import Random
from typing import Final

import aiohttp
import structlog

from libs.common.clock import Clock
from libs.common.errors import Refused, Transient
from libs.common.exchange import bybit_rows as rows
from libs.common.exchange.bybit_client import TOO_FREQUENT, BybitClient, Row, VenueAnswer
from libs.common.exchange.bybit_reads import (
    WINDOW_MS,
    every_row,
    market_now,
    parsed,
    parsed_all,
    read,
    rows_since,
)
from libs.common.exchange.ccxt_bybit import BaseError
from libs.common.exchange.endpoints import Endpoint
from libs.common.exchange.market_types import Instrument
from libs.common.exchange.outcomes import outcome_of
from libs.common.exchange.private_frames import PRIVATE_TOPICS, private_events
from libs.common.exchange.trading_types import (
    Accepted,
    Ambiguous,
    ClosedPnl,
    ExecutionPage,
    KeyFacts,
    OrderRequest,
    Outcome,
    PrivateEvent,
    RefusedForNow,
    Stamp,
    StreamDown,
    StreamUp,
    VenueOrder,
    VenuePosition,
    Wallet,
)
from libs.common.ids import OrderLinkId
from libs.common.retry import backoff
from libs.common.units import Fraction, Instant, Price, Symbol

log = structlog.get_logger()

_LINEAR: Final[Row] = {"category": "linear"}
_OURS: Final[Row] = {**_LINEAR, "settleCoin": "USDT"}
_NOT_CONNECTED_MS: Final = 1_000


class CcxtTrading:
    """One account; see `Trading`. `clock_offset_ms` is the venue's wall clock less ours, as last measured."""

    def __init__(self, endpoint: Endpoint, clock: Clock, dice: Random, *, key: str, secret: str) -> None:
        self._client = BybitClient(endpoint, clock, key=key, secret=secret)
        self._stream = endpoint.private_stream
        self._clock = clock
        self._dice = dice
        self._anchor: Symbol | None = None  # any listed symbol: its book tells the market's time

    @property
    def clock_offset_ms(self) -> int:
        return self._client.clock_offset_ms

    async def server_time(self) -> Instant:
        """Ask the venue's wall clock, and keep the offset that every request is dated with from now on."""
        try:
            return Instant(await self._client.measure_clock())
        except BaseError as error:
            raise Transient(f"server time: {error}") from error

    async def market_time(self, *, listed: Symbol | None = None) -> Instant:
        anchor = self._anchor or listed
        if anchor is not None:
            try:
                now = await market_now(self._client, anchor)
            except Refused as error:
                log.warning("anchor.refused", symbol=anchor, reason=str(error))
            else:
                self._anchor = anchor
                return now
        self._anchor = (await self.instruments())[0].symbol
        return await market_now(self._client, self._anchor)

    async def key_facts(self) -> KeyFacts:
        facts = await read(self._client, "private_get_v5_user_query_api", {})
        wallet = facts.get("permissions", {}).get("Wallet", [])
        return KeyFacts(read_only=bool(int(facts["readOnly"])), may_withdraw="Withdraw" in wallet)

    async def instruments(self) -> Sequence[Instrument]:
        listed = await every_row(self._client, "public_get_v5_market_instruments_info", _LINEAR | {"limit": 1000})
        return parsed_all(rows.instrument, filter(rows.is_ours, listed))

    async def wallet(self) -> Wallet:
        answer = await read(self._client, "private_get_v5_account_wallet_balance", {"accountType": "UNIFIED"})
        return parsed(lambda answer: rows.wallet(answer["list"][0]), answer)

    async def positions(self) -> Sequence[VenuePosition]:
        listed = await every_row(self._client, "private_get_v5_position_list", _OURS | {"limit": 200})
        return parsed_all(rows.position, listed)

    async def open_orders(self) -> Sequence[VenueOrder]:
        # without orderFilter: plain, conditional and the stops of positions
        listed = await every_row(self._client, "private_get_v5_order_realtime", _OURS | {"openOnly": 0, "limit": 50})
        return [order for order in parsed_all(rows.order, listed) if not order.status.is_terminal]

    async def find_order(self, symbol: Symbol, link_id: OrderLinkId) -> VenueOrder | None:
        params = _LINEAR | {"symbol": symbol, "orderLinkId": link_id}
        for method in ("private_get_v5_order_realtime", "private_get_v5_order_history"):
            for order in parsed_all(rows.order, (await read(self._client, method, params))["list"]):
                if order.link_id == link_id:
                    return order
        return None

    async def order_history(self, symbol: Symbol | None, *, since: Instant) -> Sequence[VenueOrder]:
        params = _OURS | {"limit": 50} if symbol is None else _LINEAR | {"symbol": symbol, "limit": 50}
        until = await self.market_time()
        listed = await rows_since(self._client, "private_get_v5_order_history", params, since, until)
        listed += await every_row(self._client, "private_get_v5_order_realtime", params | {"openOnly": 0})
        by_id = {order.order_id: order for order in parsed_all(rows.order, listed) if order.created_at >= since}
        return sorted(by_id.values(), key=lambda order: (order.created_at, order.order_id))

    async def executions(
        self, *, since: Instant, cursor: str | None = None, symbol: Symbol | None = None
    ) -> ExecutionPage:
        """One page; newest first within windows of seven days from `since`, the oldest window first."""
        start, _, venue_cursor = (cursor or f"{since}|").partition("|")
        end = int(start) + WINDOW_MS
        params: Row = _OURS if symbol is None else _LINEAR | {"symbol": symbol}
        params = params | {"startTime": int(start), "endTime": end, "limit": 100}
        answer = await read(
            self._client, "private_get_v5_execution_list", params | ({"cursor": venue_cursor} if venue_cursor else {})
        )
        following = answer.get("nextPageCursor") or ""
        if following:
            following = f"{start}|{following}"
        elif end < await self.market_time():
            following = f"{end + 1}|"
        return ExecutionPage(
            executions=tuple(parsed_all(rows.execution, answer["list"])),
            next_cursor=following or None,
            skipped=tuple(row["execType"] for row in answer["list"] if not rows.is_known_execution(row)),
        )

    async def closed_pnl(self, symbol: Symbol, *, since: Instant) -> Sequence[ClosedPnl]:
        params = _LINEAR | {"symbol": symbol, "limit": 100}
        until = await self.market_time()
        listed = await rows_since(self._client, "private_get_v5_position_closed_pnl", params, since, until)
        return sorted(parsed_all(rows.closed_pnl, listed), key=lambda row: row.created_at)

    async def set_leverage(self, symbol: Symbol, leverage: Fraction, stamp: Stamp) -> Outcome:
        both = _text(leverage)
        params = {"symbol": symbol, "buyLeverage": both, "sellLeverage": both}
        return await self._write("private_post_v5_position_set_leverage", params, stamp)

    async def create_order(self, request: OrderRequest, stamp: Stamp) -> Outcome:
        params: Row = {
            "symbol": request.symbol,
            "side": request.action.value,
            "orderType": "Market",
            "qty": _text(request.qty),
            "positionIdx": 0,
            "orderLinkId": request.link_id,
            "reduceOnly": request.reduce_only,
        }
        if request.stop_loss is not None:
            params |= {"stopLoss": _text(request.stop_loss), "slTriggerBy": "LastPrice", "tpslMode": "Full"}
        return await self._write("private_post_v5_order_create", params, stamp)

    async def cancel_order(self, symbol: Symbol, link_id: OrderLinkId, stamp: Stamp) -> Outcome:
        params = {"symbol": symbol, "orderLinkId": link_id}
        return await self._write("private_post_v5_order_cancel", params, stamp)

    async def set_stop(self, symbol: Symbol, stop: Price, stamp: Stamp) -> Outcome:
        params = {"symbol": symbol, "stopLoss": _text(stop), "slTriggerBy": "LastPrice"}
        return await self._write(
            "private_post_v5_position_trading_stop", params | {"tpslMode": "Full", "positionIdx": 0}, stamp
        )

    async def private(self) -> AsyncIterator[PrivateEvent]:
        """Yield what is pushed; after every StreamUp something may have been missed before it."""
        waits = backoff(first=0.25, ceiling=15, dice=self._dice)
        while True:
            try:
                async with self._client.stream(self._stream, PRIVATE_TOPICS, signed=True) as wire:
                    waits = backoff(first=0.25, ceiling=15, dice=self._dice)
                    yield StreamUp()
                    async for frame in wire.frames():
                        for event in private_events(frame):
                            yield event
            except Transient as error:
                yield StreamDown(str(error))
            await self._clock.sleep(next(waits))

    async def close(self) -> None:
        await self._client.close()

    async def _write(self, method: str, params: Row, stamp: Stamp) -> Outcome:
        """Ask once and say what became of it."""
        try:
            result = await self._client.ask(method, _LINEAR | params, stamp)
        except VenueAnswer as answer:
            if answer.code == TOO_FREQUENT:
                return RefusedForNow(answer.code, answer.text, answer.wait_ms)
            return outcome_of(answer.code, answer.text, wait_ms=answer.wait_ms)
        except BaseError as error:
            if isinstance(error.__cause__, aiohttp.ClientConnectorError):  # no connection: nothing was sent
                return RefusedForNow(0, str(error.__cause__), _NOT_CONNECTED_MS)
            return Ambiguous(f"{type(error).__name__} {error}")
        return Accepted(result.get("orderId", ""))


def _text(number: Decimal) -> str:
    return format(number, "f")
