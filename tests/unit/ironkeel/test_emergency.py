from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from ironkeel.cli.emergency import EmergencyStop, next_exit, trading_keys, write_level
from ironkeel.local.home import open_home
from libs.common.clock import SystemClock, VirtualClock
from libs.common.errors import Misconfigured
from libs.common.exchange.memory import MemoryVenue, instrument
from libs.common.exchange.trading_types import (
    Accepted,
    Action,
    OrderRequest,
    OrderStatus,
    Stamp,
    VenueOrder,
    VenuePosition,
)
from libs.common.ids import OrderName
from libs.common.settings import load
from libs.common.units import MINUTE_MS, Fraction, Instant, Price, Qty, Side, Symbol, Usd
from services.executor.core.switch import Level, parse_halt

BTC = Symbol("BTCUSDT")
SLOT = Instant(1_000 * MINUTE_MS)

POSITION = VenuePosition(
    symbol=BTC,
    side=Side.LONG,
    qty=Qty(Decimal("0.01")),
    entry=Price(Decimal(60_000)),
    mark=Price(Decimal(60_000)),
    stop=None,
    leverage=Fraction(Decimal(5)),
    margin=Usd(Decimal(120)),
    liquidation=None,
    unrealised=Usd(Decimal(0)),
    hedge_index=0,
    created_at=Instant(SLOT + 2 * MINUTE_MS + 17),
    updated_at=SLOT,
)


def order(purpose: str, status: OrderStatus, slot: Instant = SLOT) -> VenueOrder:
    return VenueOrder(
        symbol=BTC,
        order_id="1",
        link_id=OrderName(BTC, slot, purpose).link_id(),
        action=Action.SELL,
        status=status,
        order_type="Market",
        stop_order_type="",
        create_type="CreateByUser",
        qty=Qty(Decimal("0.01")),
        filled=Qty(Decimal(0)),
        average=None,
        trigger=None,
        reduce_only=purpose != "e",
        reject_reason="",
        created_at=slot,
        updated_at=slot,
    )


def test_the_level_on_disk_only_closes(tmp_path: Path) -> None:
    home = open_home(tmp_path)
    for asked, stands in ((Level.PAUSED, "paused"), (Level.DETACHED, "detached"), (Level.HALTED, "detached")):
        write_level(home, asked, reason="test")
        assert parse_halt(home.halt.read_text()) == stands


def test_the_first_exit_is_named_after_the_entry_that_opened_the_position() -> None:
    entry = order("e", OrderStatus.FILLED)
    older = order("e", OrderStatus.FILLED, Instant(SLOT - 60 * MINUTE_MS))
    assert next_exit(POSITION, [older, entry]) == OrderName(BTC, SLOT, "x1").link_id()


def test_an_attempt_waits_until_the_one_before_it_is_terminal() -> None:
    entry = order("e", OrderStatus.FILLED)
    assert next_exit(POSITION, [entry, order("x1", OrderStatus.NEW)]) is None
    follows = next_exit(POSITION, [entry, order("x1", OrderStatus.CANCELLED), order("x2", OrderStatus.FILLED)])
    assert follows == OrderName(BTC, SLOT, "x3").link_id()


def test_a_position_that_is_not_ours_is_named_after_its_own_beginning() -> None:
    stranger = replace(order("e", OrderStatus.FILLED), link_id="somebody-elses")
    assert next_exit(POSITION, [stranger]) == OrderName(BTC, Instant(SLOT + 2 * MINUTE_MS), "x1").link_id()


async def test_flatten_closes_everything_at_the_venue_and_says_so() -> None:
    clock = SystemClock()
    venue = MemoryVenue(clock, [instrument("BTCUSDT"), instrument("ETHUSDT")], market=SLOT)
    said: list[str] = []
    for symbol, action in (("BTCUSDT", Action.BUY), ("ETHUSDT", Action.SELL)):
        venue.set_price(Symbol(symbol), "100")
        name = OrderName(Symbol(symbol), SLOT, "e")
        request = OrderRequest(Symbol(symbol), action, Qty(Decimal("0.1")), name.link_id(), False, None)
        assert isinstance(await venue.create_order(request, Stamp(clock.now(), 3_000)), Accepted)
    stop = EmergencyStop(venue, clock, recv_window_ms=3_000, say=said.append)
    await stop.cancel_entries()
    assert await stop.flatten()
    assert await venue.positions() == []
    assert sorted(line.split(" as ")[0] for line in said) == ["close BTCUSDT long 0.1", "close ETHUSDT short 0.1"]


async def test_flatten_of_a_flat_account_asks_nothing() -> None:
    venue = MemoryVenue(VirtualClock(), [instrument("BTCUSDT")], market=SLOT)
    said: list[str] = []
    assert await EmergencyStop(venue, VirtualClock(), recv_window_ms=3_000, say=said.append).flatten()
    assert said == []


def test_the_paper_venue_has_its_own_key_and_a_real_one_needs_one() -> None:
    assert trading_keys(load()) == ("paper", "paper")
    assert trading_keys(load({"exchange.api_key": "k", "exchange.api_secret": "s"})) == ("k", "s")
    with pytest.raises(Misconfigured, match=r"exchange\.api_key"):
        trading_keys(load({"exchange.venue": "bybit-demo"}))
