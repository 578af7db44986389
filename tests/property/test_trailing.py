"""The invariants of services/trailing/core/ratchet.py, over any prices."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from libs.common.contracts.commands import StopMove
from libs.common.contracts.message import Message
from libs.common.health import Health
from libs.common.units import Fraction, Instant, Price, Side
from services.trailing.core.ratchet import gain, ratchet
from services.trailing.core.rules import Rules
from services.trailing.service import Trailing
from tests.support.positions import BTC, OPENED_AT, changed, closed, open_position, opened, price_of, priced, snapshot

RULES = Rules(Fraction(Decimal(1)), Fraction(Decimal(2)), Fraction(Decimal("0.02")), Fraction(Decimal("0.0005")), 48)
prices = st.decimals("0.01", "1000", places=2).map(Price)
sides = st.sampled_from(Side)


@given(sides, prices, prices, st.decimals("0.01", "50", places=2), st.decimals("0", "1", places=2))
def test_a_stop_that_is_asked_for_is_tighter_than_its_floor_and_behind_the_best_price(
    side: Side, floor: Price, best: Price, distance: Decimal, least: Decimal
) -> None:
    stop = ratchet(side, floor=floor, best=best, distance=distance, least=least)
    if stop is not None:
        assert gain(side, stop, floor) > 0
        assert gain(side, stop, floor) >= least
        assert gain(side, best, stop) == distance
        assert stop > 0


@given(sides, prices, prices, prices, st.decimals("0.01", "50", places=2))
def test_a_better_best_price_never_asks_for_a_looser_stop(
    side: Side, floor: Price, one: Price, other: Price, distance: Decimal
) -> None:
    worse, best = sorted((one, other), key=lambda price: side.sign * price)
    before = ratchet(side, floor=floor, best=worse, distance=distance, least=Decimal(0))
    after = ratchet(side, floor=floor, best=best, distance=distance, least=Decimal(0))
    if before is not None and after is not None:
        assert gain(side, after, before) >= 0


class Venue:
    """Holds each position's stop as the executor would: told late, told twice, and restarted under our feet."""

    def __init__(self, side: Side) -> None:
        first = "98" if side is Side.LONG else "102"
        self.position = open_position(side=side, stop=first, initial_stop=first)
        self.stops: list[Price] = [price_of(first)]

    def take(self, commands: list[Message]) -> None:
        for command in commands:
            if isinstance(command, StopMove) and command.position_id == self.position.position_id:
                self.stops.append(command.stop)
                update = {"stop": command.stop, "version": self.position.version + 1}
                self.position = self.position.model_copy(update=update)


@given(sides, st.lists(st.tuples(prices, st.sampled_from(["quiet", "told", "stale", "restart"])), max_size=40))
def test_a_stop_never_loosens_over_any_prices_words_and_restarts(side: Side, story: list[tuple[Price, str]]) -> None:
    venue, now = Venue(side), Instant(100_000)
    early, trailing = venue.position, started(now)
    trailing.decide(opened(venue.position), now)
    for number, (price, event) in enumerate(story):
        at = Instant(OPENED_AT + number)
        match event:
            case "told":
                venue.take(list(trailing.decide(changed(venue.position, at=at), now)))
            case "stale":
                venue.take(list(trailing.decide(changed(early, at=at), now)))
            case "restart":
                trailing = started(now)
                venue.take(list(trailing.decide(snapshot(venue.position, at=at, sent=now), now)))
            case _:
                pass
        venue.take(list(trailing.decide(priced(price, at=at), now)))
    assert all(gain(side, later, earlier) > 0 for earlier, later in zip(venue.stops, venue.stops[1:], strict=False))


@given(sides, st.lists(prices, min_size=1, max_size=15), sides, st.lists(prices, min_size=1, max_size=15))
def test_what_one_position_earned_never_moves_the_stop_of_the_next(
    first_side: Side, first: list[Price], next_side: Side, then: list[Price]
) -> None:
    now, trailing = Instant(100_000), started(Instant(100_000))
    one = open_position(side=first_side, stop=None, initial_stop=None)
    trailing.decide(opened(one), now)
    for number, price in enumerate(first):
        trailing.decide(priced(price, at=Instant(OPENED_AT + number)), now)
    trailing.decide(closed(one), now)
    born = Instant(OPENED_AT + len(first))
    other = open_position(
        position_id="ika-BTCUSDT-h2k2-e", side=next_side, stop=None, initial_stop=None, opened_at=born
    )
    alone = started(now)
    asked: list[Message] = []
    expected: list[Message] = []
    for message in (opened(other), *(priced(p, at=Instant(born + n)) for n, p in enumerate(then))):
        asked += trailing.decide(message, now)
        expected += alone.decide(message, now)
    assert asked == expected


def started(now: Instant) -> Trailing:
    trailing = Trailing(RULES, health=Health("trailing"))
    trailing.take(frozenset({BTC}))
    trailing.decide(snapshot(at=Instant(0), sent=now), now)
    return trailing
