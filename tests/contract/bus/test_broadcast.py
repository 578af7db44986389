"""Broadcast streams: read whole by every instance, from a cursor that moves with acknowledgements."""

import asyncio

from libs.common.bus import Delivery
from libs.common.contracts.market import PriceMoved
from libs.common.units import Symbol
from tests.contract.bus.conftest import World
from tests.support.builders import candle, price, signal
from tests.support.waiting import eventually, take, take_and_ack

ETH = Symbol("ETHUSDT")


def prices(deliveries: list[Delivery]) -> list[tuple[str, str]]:
    return [(d.message.symbol, str(d.message.last)) for d in deliveries if isinstance(d.message, PriceMoved)]


async def test_every_instance_reads_everything_in_order(world: World) -> None:
    sent = [candle(n=n) for n in range(25)]  # more than one batch
    await (await world.bus("fetcher", "fetcher")).publish(*sent)
    for instance in ("predictor", "predictor-2"):
        bus = await world.bus("predictor", instance)
        taken = await take_and_ack(bus, bus.read(["candle"]), 25)
        assert [delivery.message.id for delivery in taken] == [message.id for message in sent]


async def test_a_restarted_instance_goes_on_where_it_had_acknowledged(world: World) -> None:
    await (await world.bus("fetcher", "fetcher")).publish(*(candle(n=n) for n in range(4)))
    bus = await world.bus("predictor", "predictor")
    deliveries = bus.read(["candle"])
    await take_and_ack(bus, deliveries, 2)
    await take(deliveries, 1)
    await world.kill(bus)
    again = await world.bus("predictor", "predictor")
    taken = await take_and_ack(again, again.read(["candle"]), 2)
    assert [delivery.message.id for delivery in taken] == [candle(n=2).id, candle(n=3).id]


async def test_a_cursor_never_runs_ahead_of_what_is_acknowledged(world: World) -> None:
    await (await world.bus("fetcher", "fetcher")).publish(*(candle(n=n) for n in range(3)))
    bus = await world.bus("predictor", "predictor")
    deliveries = bus.read(["candle"])
    first, second, third = await take(deliveries, 3)
    start = bus.cursors()["candle"]
    await bus.ack(third)
    await bus.ack(second)
    assert bus.cursors()["candle"] == start
    await bus.ack(first)
    assert bus.cursors()["candle"] == third.id


async def test_a_reader_of_prices_that_is_behind_gets_the_newest_of_each_symbol(world: World) -> None:
    bus = await world.bus("trailing", "trailing")
    await bus.publish(price(last="99"))
    deliveries = bus.read(["price"])
    await take_and_ack(bus, deliveries, 1)
    await world.kill(bus)
    writer = await world.bus("fetcher", "fetcher")
    for n in range(30):  # more than one batch
        await writer.publish(price(last=str(100 + n)), price(ETH, last=str(200 + n)))
    again = await world.bus("trailing", "trailing")
    taken = await take_and_ack(again, again.read(["price"]), 2)
    assert prices(taken) == [("BTCUSDT", "129"), ("ETHUSDT", "229")]
    assert again.cursors()["price"] == taken[-1].id


async def test_a_reader_of_prices_without_a_cursor_begins_at_the_newest(world: World) -> None:
    await (await world.bus("fetcher", "fetcher")).publish(price(ETH, last="200"), price(last="100"), price(last="101"))
    bus = await world.bus("trailing", "trailing")
    deliveries = bus.read(["price"])
    assert prices(await take_and_ack(bus, deliveries, 1)) == [("BTCUSDT", "101")]
    await bus.publish(price(ETH, last="201"))
    assert prices(await take_and_ack(bus, deliveries, 1)) == [("ETHUSDT", "201")]


async def test_work_and_broadcasts_can_be_read_as_one(world: World) -> None:
    bus = await world.bus()
    await bus.publish(candle(), signal())
    taken = await take_and_ack(bus, bus.read(["signal", "candle"]), 2)
    assert {delivery.stream for delivery in taken} == {"signal", "candle"}


async def test_an_unreadable_broadcast_goes_to_the_dead_and_the_cursor_passes_it(world: World) -> None:
    bus = await world.bus("predictor", "predictor")
    await bus.publish(candle(n=0))
    entry = await world.inject("candle", b"candle.closed.v99", b"{}")
    deliveries = bus.read(["candle"])
    await take_and_ack(bus, deliveries, 1)

    async def passed() -> bool:
        return bus.cursors()["candle"] == entry

    assert await eventually(passed)
    [dead] = await world.dead()
    assert (dead["stream"], dead["entry"], dead["t"]) == ("candle", entry, "candle.closed.v99")


async def test_a_broadcast_that_cannot_be_handled_goes_to_the_dead_and_the_cursor_passes_it(world: World) -> None:
    bus = await world.bus("predictor", "predictor")
    await bus.publish(candle())
    [delivery] = await take(bus.read(["candle"]), 1)
    await bus.dead_letter(delivery, "a candle from the future")
    assert bus.cursors()["candle"] == delivery.id
    [dead] = await world.dead()
    assert dead["reason"] == "a candle from the future"


async def test_a_flushed_server_heals_while_broadcasts_are_read(world: World) -> None:
    bus = await world.bus("predictor", "predictor")
    await bus.publish(candle(n=0))
    deliveries = bus.read(["candle"])
    await take_and_ack(bus, deliveries, 1)
    await world.flush()
    await bus.publish(candle(n=1))
    [delivery] = await take_and_ack(bus, deliveries, 1)
    assert delivery.message.id == candle(n=1).id


async def test_a_heartbeat_for_a_broadcast_changes_nothing(world: World) -> None:
    bus = await world.bus("predictor", "predictor")
    await bus.publish(candle())
    [delivery] = await take(bus.read(["candle"]), 1)
    before = bus.cursors()["candle"]
    await bus.keep(delivery)
    assert bus.cursors()["candle"] == before


async def test_a_bus_is_current_when_what_was_there_is_handed_out(world: World) -> None:
    await (await world.bus("fetcher", "fetcher")).publish(candle(), price())
    bus = await world.bus("executor", "executor")
    assert not bus.is_current(["price", "candle"])
    deliveries = bus.read(["price", "candle"])
    await take_and_ack(bus, deliveries, 2)
    following = asyncio.ensure_future(anext(deliveries))

    async def is_current() -> bool:
        return bus.is_current(["price", "candle"])

    assert await eventually(is_current)
    assert not bus.is_current(["price", "position"])  # nobody reads it
    following.cancel()


async def test_the_newest_messages_are_looked_back_on_whatever_any_cursor_says(world: World) -> None:
    bus = await world.bus("fetcher", "fetcher")
    assert await bus.recent("candle", 3) == []
    sent = [candle(n=n) for n in range(5)]
    await bus.publish(*sent)
    await take_and_ack(bus, bus.read(["candle"]), 5)
    await world.inject("candle", b"candle.closed.v9", b"{}")
    recent = await bus.recent("candle", 3)
    assert [message.id for message in recent] == [message.id for message in sent[-2:]]  # what is unreadable is left out
