from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import pytest

from libs.common.clock import VirtualClock
from libs.common.errors import Misconfigured
from libs.common.units import DAY_MS, HOUR_MS, MINUTE_MS, Instant, Price, Qty, Usd
from services.paper_exchange.adapters.disk.books_file import BooksFile
from services.paper_exchange.core.books.fields import Fields
from services.paper_exchange.core.dialect.frames import PrivateFrame
from services.paper_exchange.core.market.market import Market, Settlement, Tick
from services.paper_exchange.service import MOST_AT_ONCE_MS, Opening, World
from tests.support.scripted_market import BTC, ETH, START, ScriptedMarket, instrument, prices


@dataclass
class Told:
    """An audience that remembers at what market moments it was told something."""

    at: list[Instant] = field(default_factory=list)

    def push(self, frames: Sequence[PrivateFrame], at: Instant) -> None:
        self.at += [at] * bool(frames)


def opened(
    path: Path,
    clock: VirtualClock,
    *,
    market: Market | None = None,
    speed: str = "1",
    paused: bool = False,
    follows_wall: bool = True,
) -> World:
    opening = Opening(Usd(Decimal(1_000)), 7, Decimal(speed), paused, follows_wall)
    return World.open(market or ScriptedMarket(), BooksFile(path, world="test"), Told(), opening, clock=clock)


def test_in_real_time_market_time_is_wall_time(tmp_path: Path) -> None:
    clock = VirtualClock(START)
    world = opened(tmp_path / "books.db", clock)

    for _ in range(5):
        clock.advance(0.031)
        world.turn(30.0)  # what was measured lags behind what has passed

    assert world.now == clock.now()


def test_in_real_time_what_could_not_be_kept_up_with_is_made_up_for(tmp_path: Path) -> None:
    clock = VirtualClock(START)
    world = opened(tmp_path / "books.db", clock)

    clock.advance(150)
    seen = []
    for _ in range(4):
        world.turn(30.0)
        seen.append(world.now - START)

    assert seen == [MOST_AT_ONCE_MS, 2 * MOST_AT_ONCE_MS, 150_000, 150_000]


def test_a_world_that_comes_back_plays_what_it_missed_tick_by_tick(tmp_path: Path) -> None:
    clock = VirtualClock(START)
    ticks = prices("100", "90", "80", "100", every_ms=HOUR_MS // 4)
    market = ScriptedMarket(ticks=ticks)
    world = opened(tmp_path / "books.db", clock, market=market)
    order = {"category": "linear", "symbol": BTC, "side": "Buy", "orderType": "Limit", "qty": "1", "price": "85"}
    world.command("/v5/order/create", Fields(dict(order)))
    world.flush()

    clock.advance(2 * HOUR_MS / 1_000)  # nobody was there
    back = opened(tmp_path / "books.db", clock, market=market)
    assert back.now == START
    while back.now < clock.now():
        back.turn(30.0)

    assert back.now == START + 2 * HOUR_MS
    assert [order.created_at for order in back.books.open_orders()] == []
    assert back.books.position(BTC).size == Decimal(1)
    assert back.executions == 1


def test_a_world_that_is_opened_again_goes_on_following_the_wall(tmp_path: Path) -> None:
    world = opened(tmp_path / "books.db", VirtualClock(START), paused=True)

    assert world.opening == Opening(Usd(Decimal(1_000)), 7, Decimal(1), paused=True, follows_wall=True)


def test_a_pause_in_real_time_is_made_up_for(tmp_path: Path) -> None:
    clock = VirtualClock(START)
    world = opened(tmp_path / "books.db", clock, paused=True)
    clock.advance(20)
    world.turn(20_000.0)
    assert world.now == START

    world.paused = False
    world.turn(30.0)

    assert world.now == START + 20_000


def test_a_world_that_is_ahead_of_the_wall_keeps_its_lead(tmp_path: Path) -> None:
    clock = VirtualClock(START)
    world = opened(tmp_path / "books.db", clock)
    world.advance(Instant(START + HOUR_MS))

    clock.advance(1)
    world.turn(1_000.0)

    assert world.now == START + HOUR_MS + 1_000


def test_at_speed_one_without_the_walls_dates_nothing_is_dropped_either(tmp_path: Path) -> None:
    clock = VirtualClock(Instant(START + 400 * DAY_MS))
    world = opened(tmp_path / "books.db", clock, follows_wall=False)

    world.turn(90_000.0)
    world.turn(30.0)

    assert world.now == START + 90_030


def test_faster_than_real_time_a_world_that_cannot_keep_up_slows_down(tmp_path: Path) -> None:
    clock = VirtualClock(START)
    world = opened(tmp_path / "books.db", clock, speed="60")

    world.turn(5_000.0)

    assert world.now == START + 250 * 60


def test_at_the_same_instant_the_tick_comes_before_the_settlement(tmp_path: Path) -> None:
    at = Instant(START + MINUTE_MS)
    price = Price(Decimal(200))
    tick = Tick(at, BTC, price, price, Qty(Decimal(1)))
    market = ScriptedMarket(ticks=[tick], funding=[Settlement(at, BTC, Decimal("0.01"))])
    world = opened(tmp_path / "books.db", VirtualClock(START), market=market)
    buy = {"category": "linear", "symbol": BTC, "side": "Buy", "orderType": "Market", "qty": "1"}
    world.command("/v5/order/create", Fields(dict(buy)))

    world.advance(at)

    assert world.books.totals.funding == Decimal(2)


@pytest.mark.parametrize("kind", ["Market", "Limit"])
def test_books_that_hold_what_the_market_does_not_list_are_not_opened(tmp_path: Path, kind: str) -> None:
    clock = VirtualClock(START)
    world = opened(tmp_path / "books.db", clock)
    order = {"category": "linear", "symbol": ETH, "side": "Buy", "orderType": kind, "qty": "1", "price": "9.5"}
    world.command("/v5/order/create", Fields(order))
    world.flush()

    with pytest.raises(Misconfigured, match="orders of ETHUSDT"):
        opened(tmp_path / "books.db", clock, market=ScriptedMarket(instruments=[instrument(BTC)]))
