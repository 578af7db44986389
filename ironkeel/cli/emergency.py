"""The emergency stop: close the switch on disk, then speak to the venue, with neither Redis nor the executor.

1. The level is on disk before anything is asked of the venue: an executor that survives enters nothing more.
2. Closes are reduce-only and carry the ids that the executor itself would use, so both may act at once.
3. An attempt follows only when the one before it is terminal at the venue.
"""

import os
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import Final

from ironkeel.local.home import Home
from libs.common.clock import Clock
from libs.common.errors import Misconfigured, Transient
from libs.common.exchange import Trading
from libs.common.exchange.endpoints import endpoint
from libs.common.exchange.trading_types import (
    Accepted,
    Action,
    OrderRequest,
    Outcome,
    Stamp,
    Unchanged,
    VenueOrder,
    VenuePosition,
)
from libs.common.ids import ENTRY, OrderLinkId, OrderName, parse_link_id
from libs.common.settings import Settings
from libs.common.settings.sections import Venue
from libs.common.units import DAY_MS, MINUTE_MS, Instant, Qty, Symbol
from services.executor.core.switch import Level, halt_text, parse_halt, stricter

FLAT_WITHIN_S: Final = 60.0
LOOK_S: Final = 0.5

Say = Callable[[str], None]


def write_level(home: Home, level: Level, *, reason: str) -> None:
    """Put at least `level` on disk, durably; a stricter one that stands there stays.

    Raises Misconfigured where there is no home: nobody would read it.
    """
    if not home.path.is_dir():
        raise Misconfigured(f"service.home = {home.path}: no such folder; give the system's own with --home")
    if home.halt.exists():
        level = stricter(level, parse_halt(home.halt.read_text("utf-8", "replace")))
    half = home.halt.with_suffix(".new")
    with half.open("w", encoding="utf-8") as file:
        file.write(halt_text(level, by="cli", reason=reason))
        file.flush()
        os.fsync(file.fileno())
    half.replace(home.halt)


async def with_venue(settings: Settings, clock: Clock, act: Callable[[Trading], Awaitable[None]]) -> None:
    """Run `act` with the trading keys; raises Misconfigured without keys, Transient if the venue is away."""
    from libs.common.exchange.ccxt_trading import CcxtTrading  # ccxt costs a second: only who needs it pays

    key, secret = trading_keys(settings)
    trading = CcxtTrading(endpoint(settings.exchange, settings.ports), clock, Random(0), key=key, secret=secret)  # noqa: S311
    try:
        await trading.server_time()
        await act(trading)
    finally:
        await trading.close()


def trading_keys(settings: Settings) -> tuple[str, str]:
    """Key and secret of the venue; the paper exchange's own where none are given."""
    key, secret = settings.exchange.api_key, settings.exchange.api_secret
    if settings.exchange.venue is Venue.PAPER and not key.get_secret_value():
        key, secret = settings.paper.api_key, settings.paper.api_secret
    if not key.get_secret_value() or not secret.get_secret_value():
        raise Misconfigured("exchange.api_key and exchange.api_secret are needed to speak to the venue")
    return key.get_secret_value(), secret.get_secret_value()


class EmergencyStop:
    """What a person can still do when nothing of ours answers."""

    def __init__(self, trading: Trading, clock: Clock, *, recv_window_ms: int, say: Say) -> None:
        self._trading = trading
        self._clock = clock
        self._recv_window_ms = recv_window_ms
        self._say = say

    async def cancel_entries(self) -> None:
        """Cancel every working order that could open a position of ours."""
        for order in await self._trading.open_orders():
            name = parse_link_id(order.link_id)
            if name and name.purpose == ENTRY:
                outcome = await self._trading.cancel_order(order.symbol, OrderLinkId(order.link_id), self._stamp())
                self._say(f"cancel {order.link_id}: {told(outcome)}")

    async def flatten(self) -> bool:
        """Close every position reduce-only; True when the venue reports none within FLAT_WITHIN_S."""
        deadline = self._clock.monotonic_ms() + FLAT_WITHIN_S * 1_000
        largest = {each.symbol: each.max_market_qty for each in await self._trading.instruments()}
        while self._clock.monotonic_ms() < deadline:
            try:
                positions = await self._trading.positions()
                if not positions:
                    return True
                for position in positions:
                    await self._close(position, min(position.qty, largest[position.symbol]))
            except Transient as error:
                self._say(f"the venue does not answer: {error}")
            await self._clock.sleep(LOOK_S)
        return False

    async def _close(self, position: VenuePosition, qty: Qty) -> None:
        orders = await self._trading.order_history(position.symbol, since=Instant(position.created_at - DAY_MS))
        link_id = next_exit(position, orders)
        if link_id is None:
            return  # an attempt is working
        request = OrderRequest(
            symbol=position.symbol,
            action=Action.closing(position.side),
            qty=qty,
            link_id=link_id,
            reduce_only=True,
            stop_loss=None,
        )
        outcome = await self._trading.create_order(request, self._stamp())
        self._say(f"close {position.symbol} {position.side} {qty} as {link_id}: {told(outcome)}")

    def _stamp(self) -> Stamp:
        return Stamp(self._clock.now(), self._recv_window_ms)


def next_exit(position: VenuePosition, orders: Sequence[VenueOrder]) -> OrderLinkId | None:
    """The id of the next closing attempt; None while one of ours is still working.

    The slot is that of our newest entry in the symbol, or of the position itself where it is not ours.
    """
    named = [(parse_link_id(order.link_id), order) for order in orders]
    ours = [(name, order) for name, order in named if name and name.symbol == position.symbol]
    slot = max((name.slot for name, _ in ours if name.purpose == ENTRY), default=_own_slot(position))
    exits = [(name, order) for name, order in ours if name.slot == slot and name.purpose.startswith("x")]
    if any(not order.status.is_terminal for _, order in exits):
        return None
    attempt = max((int(name.purpose[1:]) for name, _ in exits), default=0) + 1
    return OrderName(Symbol(position.symbol), slot, f"x{attempt}").link_id()


def _own_slot(position: VenuePosition) -> Instant:
    return Instant(position.created_at // MINUTE_MS * MINUTE_MS)


def told(outcome: Outcome) -> str:
    return "accepted" if isinstance(outcome, Accepted | Unchanged) else str(outcome)
