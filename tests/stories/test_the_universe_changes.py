"""Which symbols are fetched follows the market, hour by hour, for all fetchers alike and with reasons."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from libs.common.contracts.registry import encode
from libs.common.units import Price, Symbol
from services.fetcher.core.choice import Terms
from tests.support import builders
from tests.support.fetchers import Replica
from tests.support.market_hall import ETH, MarketHall, market_hall
from tests.support.venue_candles import BTC, closes_at, venue_candle
from tests.support.waiting import eventually

SOL = Symbol("SOLUSDT")
TOP = Terms("top:2", 0, Decimal("0.01"), Decimal(0), Decimal(0))


@pytest.fixture
async def hall(tmp_path: Path) -> AsyncIterator[MarketHall]:
    async with market_hall(tmp_path, price_interval_ms=0, terms=TOP) as made:
        made.lists(BTC, turnover=100)
        made.lists(ETH, turnover=50)
        yield made


async def at_work(hall: MarketHall, *names: str) -> list[Replica]:
    """These fetchers with everything loaded and shared."""
    replicas = [await hall.starts(name) for name in names]
    await hall.loaded()
    await hall.until(lambda: frozenset().union(*(r.fetcher.share for r in replicas)) == {BTC, ETH})
    return replicas


def shares(hall: MarketHall) -> list[frozenset[Symbol]]:
    return [replica.fetcher.share for replica in hall.replicas.values()]


def is_at_rest(replica: Replica) -> bool:
    """Whether lockstep would let the market go, as far as this fetcher is concerned."""
    replica.health.look()
    return replica.health.in_flight == 0


def overtakes(hall: MarketHall) -> None:
    """SOL is listed and traded most, and ETH far from it."""
    hall.lists(SOL, turnover=400)
    for n in range(4):
        hall.lists(Symbol(f"S{n}USDT"), turnover=300 - n)


async def test_a_symbol_that_is_traded_more_comes_in_with_its_history_seven_minutes_past_the_hour(
    hall: MarketHall,
) -> None:
    [replica] = await at_work(hall, "fetcher")
    overtakes(hall)
    hall.passes(6)
    await hall.until(lambda: replica.health.market_ms >= hall.venue.books.now)
    assert replica.fetcher.share == {BTC, ETH}
    hall.passes(7)
    await hall.until(lambda: SOL in replica.fetcher.share and replica.health.ready)
    assert hall.series(SOL) == list(range(-10, 0))
    assert ETH not in replica.fetcher.share
    await hall.until(lambda: hall.universe() == tuple(sorted(replica.fetcher.share)))


async def test_the_candles_of_a_dropped_symbol_are_forgotten_and_those_of_one_that_comes_back_are_kept(
    hall: MarketHall,
) -> None:
    [replica] = await at_work(hall, "fetcher")
    names = [f"candles:{symbol}:15m" for symbol in (BTC, ETH)]
    overtakes(hall)
    hall.passes(7)
    await hall.until(lambda: ETH not in replica.fetcher.share)
    assert sorted(hall.redis.forgets) == names
    hall.lists(ETH, turnover=1_000)
    hall.passes(67)
    await hall.until(lambda: ETH in replica.fetcher.share)
    assert names[1] not in hall.redis.forgets


async def test_one_fetcher_decides_and_all_share_what_it_decided(hall: MarketHall) -> None:
    await at_work(hall, "fetcher", "fetcher-2")
    overtakes(hall)
    hall.passes(7)
    await hall.until(lambda: all(r.fetcher.listing.choice.turn == hall.turn for r in hall.replicas.values()))
    choices = [replica.fetcher.listing.choice for replica in hall.replicas.values()]
    assert choices[0] == choices[1]
    await hall.until(lambda: sorted(map(len, shares(hall))) == [1, 1])
    assert frozenset().union(*shares(hall)) == frozenset(choices[0].symbols)


async def test_a_symbol_with_a_position_is_fetched_until_it_is_closed_whatever_is_chosen(hall: MarketHall) -> None:
    [replica] = await at_work(hall, "fetcher")
    hall.redis.add("position", *encode(builders.position_opened(position=builders.open_position(symbol=ETH))))
    await hall.until(lambda: ETH in replica.fetcher.urgent)
    overtakes(hall)
    hall.passes(7)
    await hall.until(lambda: SOL in replica.fetcher.share)
    assert ETH not in replica.fetcher.listing.choice.symbols
    assert ETH in replica.fetcher.share
    hall.closes(0, symbols=(ETH,))
    await hall.until(lambda: hall.told(ETH) == [0])
    hall.redis.add("position", *encode(builders.position_closed(symbol=ETH)))
    await hall.until(lambda: ETH not in replica.fetcher.share)


async def test_a_fetcher_that_was_killed_knows_what_is_held_before_it_claims_anything(hall: MarketHall) -> None:
    [replica] = await at_work(hall, "fetcher")
    snapshot = builders.position_snapshot(positions=(builders.open_position(symbol=ETH),))
    hall.redis.add("position", *encode(snapshot))
    await hall.until(lambda: ETH in replica.fetcher.urgent)
    overtakes(hall)
    hall.passes(7)
    await hall.until(lambda: SOL in replica.fetcher.share)
    await hall.dies("fetcher")
    again = await hall.starts("fetcher")
    await hall.until(lambda: bool(again.fetcher.share))
    assert ETH in again.fetcher.share


async def test_the_choice_survives_the_death_of_every_fetcher_and_of_redis(hall: MarketHall) -> None:
    [replica] = await at_work(hall, "fetcher")
    before = replica.fetcher.listing.choice
    await hall.dies("fetcher")
    hall.board.clear()
    overtakes(hall)  # of the same market hour: it changes nothing yet
    again = await hall.starts("fetcher")
    assert again.fetcher.listing.choice == before
    assert hall.board


async def test_a_redis_that_lost_the_choice_has_it_back(hall: MarketHall) -> None:
    await at_work(hall, "fetcher")
    kept = dict(hall.board)
    hall.board.clear()
    await hall.until(lambda: hall.board == kept, within_s=5)


async def test_wall_time_alone_changes_no_universe(hall: MarketHall) -> None:
    [replica] = await at_work(hall, "fetcher")
    before = replica.fetcher.listing.choice
    overtakes(hall)
    for _ in range(100):
        hall.clock.advance(3_600)
    await hall.until(lambda: replica.fetcher.is_settled)
    assert replica.fetcher.listing.choice is before


async def test_lockstep_waits_until_what_was_chosen_has_its_fetcher(hall: MarketHall) -> None:
    [replica] = await at_work(hall, "fetcher")
    hall.venue.fail_reads(10_000)
    hall.passes(7)
    await hall.until(lambda: replica.health.market_ms >= hall.venue.books.now)
    assert not is_at_rest(replica)
    overtakes(hall)
    hall.venue.fail_reads(0)
    await hall.until(lambda: is_at_rest(replica))
    assert SOL in replica.fetcher.share - replica.fetcher.loading


async def test_a_fetcher_without_a_symbol_follows_the_others_and_holds_nobody_up(hall: MarketHall) -> None:
    await at_work(hall, "fetcher", "fetcher-2")
    idle = await hall.starts("fetcher-3")
    await hall.until(lambda: idle.health.ready)
    assert idle.fetcher.share == frozenset()
    overtakes(hall)
    hall.passes(7)
    await hall.until(lambda: idle.fetcher.listing.choice.turn == hall.turn)
    await hall.until(lambda: is_at_rest(idle))
    assert idle.health.facts["symbols"] == 0


async def test_a_delisted_symbol_leaves_with_the_reason_in_the_log(hall: MarketHall) -> None:
    [replica] = await at_work(hall, "fetcher")
    with capture_logs() as logs:
        hall.delists(ETH)
        hall.passes(7)
        await hall.until(lambda: replica.fetcher.share == {BTC})
    [said] = [line for line in logs if line["event"] == "universe.changed"]
    assert said["went"] == {ETH: "delisted"}
    await hall.until(lambda: hall.universe() == (BTC,))


async def test_a_symbol_that_the_venue_stops_answering_for_is_found_delisted_before_the_hour_is_over(
    hall: MarketHall,
) -> None:
    [replica] = await at_work(hall, "fetcher")
    hall.delists(ETH)
    hall.closes(0, symbols=(BTC,))
    hall.venue.push_price(ETH)  # its last word
    await hall.until(lambda: replica.fetcher.share == {BTC}, within_s=30)
    assert hall.missing() == []
    hall.closes(1, symbols=(BTC,))
    await hall.until(lambda: hall.told() == [0, 1])


async def test_a_symbol_that_falls_silent_between_two_candles_holds_the_market_up_only_until_it_is_found_delisted(
    hall: MarketHall,
) -> None:
    [replica] = await at_work(hall, "fetcher")
    hall.delists(ETH)
    hall.passes(1)
    asked = hall.venue.reads
    await hall.until(lambda: replica.health.market_ms == hall.venue.books.now)
    assert replica.fetcher.share == {BTC}
    assert hall.venue.reads - asked == 2  # lists


async def test_a_symbol_that_is_listed_and_silent_is_doubted_once(hall: MarketHall) -> None:
    [replica] = await at_work(hall, "fetcher")
    asked = hall.venue.reads
    for _ in range(300):
        hall.clock.advance(1)
        await hall.until(lambda: True)
        hall.venue.push_price(BTC)
    assert hall.venue.reads - asked == 1
    assert replica.fetcher.share == {BTC, ETH}


async def ended_while_held(hall: MarketHall) -> Replica:
    """A fetcher with a position in ETH, which is traded no more, and a market that goes on."""
    [replica] = await at_work(hall, "fetcher")
    hall.closes(0)
    hall.holds(ETH)
    await hall.until(lambda: replica.fetcher.listing.choice.turn == hall.turn and ETH in replica.fetcher.urgent)
    hall.delists(ETH)
    hall.closes(1, symbols=(BTC,))
    hall.venue.push_price(ETH)  # its last word
    await hall.until(lambda: replica.fetcher.ended == {ETH} and replica.fetcher.series.is_complete, within_s=30)
    return replica


async def test_a_delisted_symbol_with_a_position_is_ours_until_it_is_closed_and_nothing_is_asked_of_it(
    hall: MarketHall,
) -> None:
    replica = await ended_while_held(hall)
    asked = hall.venue.reads
    hall.closes(2, symbols=(BTC,))
    await hall.until(lambda: hall.told() == [0, 1, 2] and replica.health.market_ms == hall.venue.books.now)
    assert (hall.told(ETH), hall.missing()) == ([0], [])
    assert (hall.venue.listeners(ETH), hall.venue.listeners(BTC), hall.venue.reads) == (0, 1, asked)
    assert replica.fetcher.share == {BTC, ETH}
    assert replica.health.ready
    assert is_at_rest(replica)
    hall.holds()
    await hall.until(lambda: replica.fetcher.share == {BTC})


async def test_a_fetcher_that_starts_with_a_position_in_a_delisted_symbol_is_ready_and_waits_for_nothing(
    hall: MarketHall,
) -> None:
    await ended_while_held(hall)
    await hall.dies("fetcher")
    again = await hall.starts("fetcher")
    await hall.until(lambda: again.fetcher.share == {BTC, ETH} and again.health.ready)
    await hall.until(lambda: again.health.market_ms == hall.venue.books.now, within_s=5)
    assert again.fetcher.series.is_complete
    assert hall.venue.listeners(ETH) == 0
    assert is_at_rest(again)
    assert hall.missing() == []


async def test_a_fetcher_that_has_nothing_but_a_delisted_symbol_holds_nobody_up(hall: MarketHall) -> None:
    await at_work(hall, "fetcher", "fetcher-2")
    await hall.until(lambda: sorted(map(len, shares(hall))) == [1, 1])
    [left] = [replica for replica in hall.replicas.values() if replica.fetcher.share == {ETH}]
    hall.holds(ETH)
    await hall.until(lambda: all(ETH in replica.fetcher.urgent for replica in hall.replicas.values()))
    hall.delists(ETH)
    hall.passes(7)
    await hall.until(lambda: left.fetcher.ended == {ETH} and all(map(is_at_rest, hall.replicas.values())))
    assert left.fetcher.share == {ETH}
    await hall.until(lambda: left.health.ready)
    await hall.until(lambda: left.health.facts["symbols"] == 0)  # as lockstep asks


async def test_a_symbol_with_a_position_that_is_listed_again_goes_on_where_it_stopped(hall: MarketHall) -> None:
    await ended_while_held(hall)
    hall.lists(ETH, turnover=50)
    hall.closes(2)
    hall.venue.put_candles(venue_candle(1, symbol=ETH))
    hall.passes(67)
    await hall.until(lambda: hall.told(ETH) == [0, 1, 2])
    assert hall.venue.listeners(ETH) == 1


async def test_between_the_hours_the_venue_is_asked_for_nothing(hall: MarketHall) -> None:
    [replica] = await at_work(hall, "fetcher")
    hall.closes(0)
    await hall.until(lambda: replica.fetcher.listing.choice.turn == hall.turn and hall.told() == hall.told(ETH) == [0])
    asked = hall.venue.reads
    for n in range(1, 4):
        hall.closes(n)
        for _ in range(300):
            hall.clock.advance(1)
            await hall.until(lambda: True)
            for symbol in (BTC, ETH):
                hall.venue.push_price(symbol)
    await hall.until(lambda: hall.told() == hall.told(ETH) == [0, 1, 2, 3])
    assert hall.venue.reads == asked


async def test_a_contract_that_has_another_tick_by_now_is_doubted_for_a_moment_only(hall: MarketHall) -> None:
    [replica] = await at_work(hall, "fetcher")
    hall.closes(0)
    await hall.until(lambda: replica.fetcher.listing.choice.turn == hall.turn and hall.told() == [0])
    finer = Price(Decimal("0.001"))
    hall.venue.books.instruments[BTC] = replace(hall.venue.books.instruments[BTC], tick=finer)
    hall.venue.books.now = closes_at(1)
    hall.venue.close_candle(venue_candle(1, high=Price(Decimal("1999.999"))))
    hall.closes(1, symbols=(ETH,))
    await hall.until(lambda: replica.fetcher.listing.ticks[BTC] == finer, within_s=5)
    await hall.until(lambda: hall.told() == [0, 1])


async def test_a_named_symbol_that_is_delisted_is_reported_and_stops_nobody(tmp_path: Path) -> None:
    async with market_hall(tmp_path) as hall:
        [replica] = await at_work(hall, "fetcher")
        with capture_logs() as logs:
            hall.delists(ETH)
            hall.passes(7)
            await hall.until(lambda: replica.fetcher.share == {BTC})
        assert [line["symbol"] for line in logs if line["event"] == "symbol.delisted"] == [ETH]
        assert replica.health.facts["delisted"] == 1
        await hall.dies("fetcher")
        again = await hall.starts("fetcher")
        await hall.loaded()
        assert again.fetcher.share == {BTC}
        assert again.health.facts["delisted"] == 1


async def test_every_exclusion_is_counted_and_named(hall: MarketHall) -> None:
    hall.lists(SOL, turnover=900)
    hall.venue.spread[SOL] = Price(Decimal(50))
    with capture_logs() as logs:
        [replica] = await at_work(hall, "fetcher")
    [said] = [line for line in logs if line["event"] == "universe.stands"]
    assert said["left_out"] == "1 wide_spread (SOLUSDT)"
    assert replica.health.facts["left_out_wide_spread"] == 1
    assert replica.health.facts["universe"] == 2


async def test_a_market_in_which_nothing_passes_is_waited_for_and_says_why(tmp_path: Path) -> None:
    terms = replace(TOP, min_volatility=Decimal("0.5"))
    async with market_hall(tmp_path, terms=terms) as hall:
        with capture_logs() as logs:

            async def is_explained() -> bool:
                return bool(logs)

            starting = asyncio.create_task(hall.starts("fetcher"))
            await eventually(is_explained)
            hall.venue.day[BTC] = Price(Decimal(900)), Price(Decimal(1800))
            replica = await starting
        assert logs[0]["reason"] == "of 2 listed symbols none passes: 2 too_still (BTCUSDT, ETHUSDT)"
        assert replica.fetcher.listing.choice.symbols == (BTC,)


async def test_a_symbol_that_was_lost_and_is_gained_again_is_heard_once(hall: MarketHall) -> None:
    [first] = await at_work(hall, "fetcher")
    second = await hall.starts("fetcher-2")
    await hall.until(lambda: len(first.fetcher.share) == len(second.fetcher.share) == 1)
    await hall.dies("fetcher-2")
    await hall.until(lambda: len(first.fetcher.share) == 2)
    for symbol in (BTC, ETH):
        assert hall.venue.listeners(symbol) == 1
