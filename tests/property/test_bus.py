"""What holds of the bus whatever happens, in whatever order."""

from collections.abc import Sequence
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from libs.common.bus import Delivery
from libs.common.bus.cursors import Watermark
from libs.common.bus.entries import before, is_after, newest_per_symbol, order_of
from libs.common.bus.memory import Crash, MemoryBus, MemoryServer
from libs.common.clock import VirtualClock
from libs.common.contracts.market import PriceMoved
from libs.common.contracts.message import Message, message_id
from libs.common.service import serve
from libs.common.units import Instant, Price, Symbol
from tests.support.builders import price, signal

entry_ids = st.builds(lambda ms, n: f"{ms}-{n}", st.integers(0, 2**45), st.integers(0, 2**64 - 1))


class Echo:
    reads = ("signal",)

    def decide(self, message: Message, now: Instant) -> Sequence[Message]:
        return (price(id=message_id(PriceMoved, message.id), cause=message.id),)


@given(messages=st.integers(0, 8), deaths=st.lists(st.integers(0, 6), max_size=12))
async def test_any_row_of_deaths_repeats_work_and_never_loses_it(messages: int, deaths: list[int]) -> None:
    inbox = [signal(n=n) for n in range(messages)]
    server, clock = MemoryServer(), VirtualClock()
    published: set[str] = set()
    buses = [MemoryBus(*inbox, server=server, clock=clock, die_after=0, endless=False)]
    buses += [MemoryBus(server=server, clock=clock, die_after=step, endless=False) for step in deaths]
    for bus in (*buses, MemoryBus(server=server, clock=clock, endless=False)):
        try:
            await serve(Echo(), bus=bus, clock=clock)
        except Crash:
            clock.advance(60)
        published |= {message.cause for message in bus.published}
    dead = {letter.entry for letter in server.dead}
    lost = {message.id for message in inbox} - published
    assert len(lost) <= len(dead)  # handed out too often: kept there, not lost
    assert all("never handled" in letter.reason for letter in server.dead)


@given(st.permutations(range(8)), st.integers(0, 8))
def test_a_cursor_stands_exactly_before_the_first_that_is_not_acknowledged(order: list[int], done: int) -> None:
    mark = Watermark("0-0")
    for n in range(8):
        mark.hand_out(f"{n + 1}-0")
    for n in order[:done]:
        mark.acknowledge(f"{n + 1}-0")
    missing = [n for n in range(8) if n not in order[:done]]
    assert mark.at == f"{min(missing, default=8)}-0"


@given(entry_ids, entry_ids)
def test_entry_ids_are_ordered_as_numbers(one: str, other: str) -> None:
    assert is_after(one, other) == (order_of(one) > order_of(other))
    if order_of(one) > (0, 0):
        assert is_after(one, before(one))


@given(st.lists(st.tuples(st.sampled_from(["BTCUSDT", "ETHUSDT", "SOLUSDT"]), st.integers(1, 10**6)), max_size=30))
def test_conflated_prices_are_each_symbols_last_in_their_order(moves: list[tuple[str, int]]) -> None:
    deliveries = [
        Delivery("price", f"{n + 1}-0", price(Symbol(symbol), str(last))) for n, (symbol, last) in enumerate(moves)
    ]
    kept = newest_per_symbol(deliveries)
    told = {d.message.symbol: d.message.last for d in kept if isinstance(d.message, PriceMoved)}
    assert told == {Symbol(symbol): Price(Decimal(last)) for symbol, last in moves}
    assert kept == sorted(kept, key=lambda delivery: order_of(delivery.id))
