"""Work streams: one group a service, acknowledged after the effect, taken over from the dead."""

import asyncio

from libs.common.contracts.signals import SignalMade
from libs.common.units import Symbol
from tests.contract.bus.conftest import World, patient
from tests.support.builders import signal, stop_move
from tests.support.waiting import eventually, take, take_and_ack

PATIENT = patient()


async def test_messages_arrive_in_the_order_they_were_published(world: World) -> None:
    bus = await world.bus()
    sent = [signal(n=n) for n in range(20)]
    await bus.publish(*sent)
    taken = await take_and_ack(bus, bus.read(["signal"]), 20)
    assert [delivery.message.id for delivery in taken] == [message.id for message in sent]


async def test_two_work_streams_are_read_as_one_in_the_order_they_were_written(world: World) -> None:
    bus = await world.bus()
    sent = [signal(n=1), stop_move(id="command-1"), signal(n=2)]
    for message in sent:
        await bus.publish(message)
    taken = await take_and_ack(bus, bus.read(["signal", "command"]), 3)
    assert {delivery.message.id for delivery in taken} == {message.id for message in sent}
    assert [d.message.id for d in taken if d.stream == "signal"] == [sent[0].id, sent[2].id]


async def test_the_bus_stamps_who_sent_a_message_and_when(world: World) -> None:
    bus = await world.bus("predictor", "predictor-2")
    await bus.publish(signal())
    [delivery] = await take_and_ack(bus, bus.read(["signal"]), 1)
    assert delivery.message.source == "predictor/predictor-2"
    assert delivery.message.sent > 0
    assert isinstance(delivery.message, SignalMade)


async def test_what_was_published_before_the_first_start_is_read(world: World) -> None:
    await (await world.bus("predictor", "predictor")).publish(signal())
    bus = await world.bus()
    [delivery] = await take_and_ack(bus, bus.read(["signal"]), 1)
    assert delivery.message.id == signal().id


async def test_two_services_each_get_every_message(world: World) -> None:
    one, other = await world.bus("executor", "executor"), await world.bus("predictor", "predictor")
    await one.publish(signal())
    for bus in (one, other):
        [delivery] = await take_and_ack(bus, bus.read(["signal"]), 1)
        assert delivery.message.id == signal().id


async def test_two_replicas_share_the_work(world: World) -> None:
    one = await world.bus("executor", "executor", PATIENT)
    other = await world.bus("executor", "executor-2", PATIENT)
    reads = one.read(["signal"]), other.read(["signal"])
    await one.publish(signal(n=0))
    [first] = await take(reads[0], 1)
    await one.publish(signal(n=1))
    [second] = await take(reads[1], 1)
    assert {first.message.id, second.message.id} == {signal(n=0).id, signal(n=1).id}


async def test_an_acknowledged_message_never_comes_again(world: World) -> None:
    bus = await world.bus()
    await bus.publish(signal(n=0), signal(n=1))
    await take_and_ack(bus, bus.read(["signal"]), 1)
    await world.kill(bus)
    again = await world.bus()
    [delivery] = await take_and_ack(again, again.read(["signal"]), 1)
    assert delivery.message.id == signal(n=1).id


async def test_a_restarted_instance_first_gets_what_it_had_not_acknowledged(world: World) -> None:
    bus = await world.bus(limits=PATIENT)
    await bus.publish(signal(n=0), signal(n=1))
    [lost] = await take(bus.read(["signal"]), 1)
    await world.kill(bus)
    await (await world.bus("predictor", "predictor")).publish(signal(n=2))
    again = await world.bus(limits=PATIENT)
    taken = await take_and_ack(again, again.read(["signal"]), 3)
    assert [delivery.message.id for delivery in taken] == [signal(n=n).id for n in range(3)]
    assert taken[0].message.id == lost.message.id
    assert taken[0].deliveries == 2


async def test_the_work_of_a_dead_replica_is_taken_over(world: World) -> None:
    dying = await world.bus("executor", "executor-2")
    await dying.publish(signal())
    await take(dying.read(["signal"]), 1)
    await world.kill(dying)
    heir = await world.bus("executor", "executor")
    [delivery] = await take_and_ack(heir, heir.read(["signal"]), 1)
    assert delivery.message.id == signal().id
    assert delivery.deliveries == 2


async def test_long_work_with_a_heartbeat_is_not_taken_away(world: World) -> None:
    """peers.md 37: idle time starts at the read, so slow work looks dead without a heartbeat."""
    slow, idle = await world.bus("executor", "executor"), await world.bus("executor", "executor-2")
    await slow.publish(signal(n=0))
    [held] = await take(slow.read(["signal"]), 1)
    others = idle.read(["signal"])
    for n in range(1, 22):  # 21 × 100 ms: more than twice the time after which a consumer counts as dead
        await slow.keep(held)
        await slow.publish(signal(n=n))
        [delivery] = await take_and_ack(idle, others, 1)
        assert delivery.message.id == signal(n=n).id
        await asyncio.sleep(0.1)


async def test_a_heartbeat_does_not_take_an_entry_back_from_its_new_owner(world: World) -> None:
    late, heir = await world.bus("executor", "executor"), await world.bus("executor", "executor-2")
    await late.publish(signal())
    [held] = await take(late.read(["signal"]), 1)
    [taken] = await take(heir.read(["signal"]), 1)
    await late.keep(held)
    await heir.ack(taken)
    assert (await heir.lag(["signal"]))[0].pending == 0


async def test_an_entry_that_is_never_handled_goes_to_the_dead_and_the_rest_flows(world: World) -> None:
    await (await world.bus("predictor", "predictor")).publish(signal(n=0))
    for attempt in range(1, 6):
        bus = await world.bus(limits=PATIENT)
        [delivery] = await take(bus.read(["signal"]), 1)
        assert (delivery.message.id, delivery.deliveries) == (signal(n=0).id, attempt)
        await world.kill(bus)
    bus = await world.bus(limits=PATIENT)
    await bus.publish(signal(n=1))
    [delivery] = await take_and_ack(bus, bus.read(["signal"]), 1)
    assert delivery.message.id == signal(n=1).id
    [dead] = await world.dead()
    assert dead["t"] == "signal.made.v1"
    assert signal(n=0).id in dead["m"]
    assert "6 times" in dead["reason"]


async def test_what_nobody_has_tried_outlives_any_number_of_deaths(world: World) -> None:
    """A batch is read ahead: dying with the first entry in hand says nothing against the others."""
    await (await world.bus("predictor", "predictor")).publish(signal(n=0), signal(n=1), signal(n=2))
    for _ in range(5):
        bus = await world.bus(limits=PATIENT)
        [first] = await take(bus.read(["signal"]), 1)
        assert first.message.id == signal(n=0).id
        await world.kill(bus)
    bus = await world.bus(limits=PATIENT)
    rest = await take_and_ack(bus, bus.read(["signal"]), 2)
    assert [delivery.message.id for delivery in rest] == [signal(n=1).id, signal(n=2).id]
    assert len(await world.dead()) == 1


async def test_an_unreadable_entry_goes_to_the_dead_whole_and_the_rest_flows(world: World) -> None:
    bus = await world.bus()
    entry = await world.inject("signal", b"signal.made.v1", b'{"symbol": "BTCUSDT"')
    await bus.publish(signal())
    [delivery] = await take_and_ack(bus, bus.read(["signal"]), 1)
    assert delivery.message.id == signal().id
    [dead] = await world.dead()
    assert (dead["stream"], dead["entry"], dead["m"]) == ("signal", entry, '{"symbol": "BTCUSDT"')
    assert "signal.made.v1" in dead["reason"]
    assert (await bus.lag(["signal"]))[0].pending == 0


async def test_a_service_can_put_a_message_to_the_dead(world: World) -> None:
    bus = await world.bus()
    await bus.publish(stop_move())
    [delivery] = await take(bus.read(["command"]), 1)
    await bus.dead_letter(delivery, "another position")
    [dead] = await world.dead()
    assert (dead["stream"], dead["t"], dead["reason"]) == ("command", "command.stop_move.v1", "another position")
    assert (await bus.lag(["command"]))[0].pending == 0


async def test_lag_counts_what_waits_and_what_is_in_hand(world: World) -> None:
    bus = await world.bus(limits=patient(work_batch=1))
    assert [(lag.waiting, lag.pending) for lag in await bus.lag(["signal"])] == [(0, 0)]
    await bus.publish(*(signal(n=n) for n in range(3)))
    assert [(lag.waiting, lag.pending) for lag in await bus.lag(["signal"])] == [(3, 0)]
    deliveries = bus.read(["signal"])
    [delivery] = await take(deliveries, 1)
    assert [(lag.waiting, lag.pending) for lag in await bus.lag(["signal"])] == [(2, 1)]
    await bus.ack(delivery)
    await take_and_ack(bus, deliveries, 2)
    assert [(lag.waiting, lag.pending) for lag in await bus.lag(["signal"])] == [(0, 0)]


async def test_a_flushed_server_heals_while_it_is_being_read(world: World) -> None:
    """peers.md 36: NOGROUP must be healed, without loss and without a hot loop."""
    bus = await world.bus()
    await bus.publish(signal(n=0))
    deliveries = bus.read(["signal"])
    await take_and_ack(bus, deliveries, 1)
    await world.flush()
    await bus.publish(signal(n=1))
    [delivery] = await take_and_ack(bus, deliveries, 1)
    assert delivery.message.id == signal(n=1).id


async def test_acknowledging_after_a_flush_harms_nothing(world: World) -> None:
    bus = await world.bus()
    await bus.publish(signal(n=0))
    deliveries = bus.read(["signal"])
    [held] = await take(deliveries, 1)
    await world.flush()
    await bus.ack(held)
    await bus.publish(signal(n=1))
    [delivery] = await take_and_ack(bus, deliveries, 1)
    assert delivery.message.id == signal(n=1).id


async def test_a_lost_group_loses_nothing_that_was_not_acknowledged(world: World) -> None:
    bus = await world.bus()
    await bus.publish(signal(n=0))
    deliveries = bus.read(["signal"])
    await take_and_ack(bus, deliveries, 1)
    await world.lose_group("signal", "executor")
    await bus.publish(signal(symbol=Symbol("ETHUSDT")))
    seen: set[str] = set()

    async def everything_came() -> bool:
        seen.update(delivery.message.id for delivery in await take_and_ack(bus, deliveries, 1))
        return signal(symbol=Symbol("ETHUSDT")).id in seen

    assert await eventually(everything_came)
