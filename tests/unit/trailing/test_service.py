from collections.abc import Sequence
from decimal import Decimal as D

import pytest

from libs.common.contracts.commands import PositionClose, StopMove
from libs.common.contracts.message import Message
from libs.common.contracts.positions import OpenPosition
from libs.common.health import Health
from libs.common.units import HOUR_MS, Fraction, Instant, Symbol
from services.trailing.core.rules import Rules
from services.trailing.service import FRESH_MS, REMEMBERED, Trailing, plain
from tests.support.positions import BTC, OPENED_AT, changed, closed, open_position, opened, price_of, priced, snapshot

RULES = Rules(Fraction(D(1)), Fraction(D(2)), Fraction(D("0.02")), Fraction(D("0.0005")), 48)
NOW = Instant(100_000)


def following(*positions: OpenPosition, share: Sequence[Symbol] = (BTC,)) -> Trailing:
    trailing = Trailing(RULES, health=Health("trailing"))
    trailing.take(frozenset(share))
    trailing.decide(snapshot(sent=NOW), NOW)
    for position in positions:
        trailing.decide(opened(position), NOW)
    return trailing


def stops(messages: Sequence[Message]) -> list[str]:
    return [plain(message.stop) for message in messages if isinstance(message, StopMove)]


def test_a_profit_moves_the_stop_of_the_position_that_is_named() -> None:
    position = open_position()
    (command,) = following(position).decide(priced(110), NOW)
    assert isinstance(command, StopMove)
    assert (command.position_id, command.side, command.version) == (position.position_id, position.side, 1)
    assert (command.stop, command.symbol, command.trace) == (price_of("107.8"), BTC, "candle-1")


def test_the_same_stop_has_the_same_id_whoever_asks_and_when() -> None:
    one = following(open_position()).decide(priced(110), NOW)
    other = following(open_position()).decide(priced("110.0", at=Instant(OPENED_AT + 7)), Instant(5))
    assert [m.id for m in one] == [m.id for m in other]


def test_a_replica_without_the_lease_listens_and_can_take_over() -> None:
    trailing = following(open_position(), share=())
    assert trailing.symbols == (BTC,)
    assert trailing.decide(priced(110), NOW) == ()
    trailing.take(frozenset({BTC}))
    assert stops(trailing.decide(priced(105), NOW)) == ["107.8"]  # the best price was heard before


def test_nothing_is_asked_before_the_book_is_complete() -> None:
    health = Health("trailing")
    trailing = Trailing(RULES, health=health)
    trailing.take(frozenset({BTC}))
    trailing.decide(opened(open_position()), NOW)
    assert trailing.decide(priced(110), NOW) == ()
    trailing.decide(snapshot(open_position(), sent=Instant(NOW - FRESH_MS - 1)), NOW)  # history of before we started
    assert not health.ready
    assert stops(trailing.decide(snapshot(open_position(), sent=NOW), NOW)) == ["107.8"]
    assert health.ready


@pytest.mark.parametrize("price_first", [True, False])
def test_price_and_opening_of_one_moment_lead_to_the_same_stop_in_either_order(price_first: bool) -> None:
    messages: list[Message] = [priced(110), opened(open_position())]
    trailing = following()
    asked = [m for message in (messages if price_first else messages[::-1]) for m in trailing.decide(message, NOW)]
    assert stops(asked) == ["107.8"]


def test_an_older_price_is_passed_over() -> None:
    trailing = following(open_position())
    trailing.decide(priced(101, at=Instant(OPENED_AT + 10)), NOW)
    assert trailing.decide(priced(110, at=Instant(OPENED_AT + 9)), NOW) == ()


def test_a_price_of_another_symbol_moves_nothing() -> None:
    assert following(open_position()).decide(priced(110, symbol=Symbol("ETHUSDT")), NOW) == ()


def test_a_position_that_closed_is_never_followed_again() -> None:
    position = open_position()
    trailing = following(position)
    trailing.decide(closed(position), NOW)
    trailing.decide(opened(position), NOW)
    trailing.decide(snapshot(position, sent=NOW), NOW)
    assert trailing.symbols == ()
    assert trailing.decide(priced(110), NOW) == ()


def test_only_so_many_ended_positions_are_remembered() -> None:
    trailing = following()
    for number in range(REMEMBERED + 1):
        trailing.decide(closed(open_position(position_id=str(number))), NOW)
    trailing.decide(opened(open_position(position_id="1")), NOW)
    assert not trailing.symbols
    trailing.decide(opened(open_position(position_id="0")), NOW)
    assert trailing.symbols == (BTC,)


def test_a_snapshot_heals_a_reader_that_missed_an_end_or_an_opening() -> None:
    gone, missed = open_position(), open_position(position_id="ika-BTCUSDT-h2k9-e")
    trailing = following(gone)
    trailing.decide(snapshot(missed, at=Instant(OPENED_AT + 1), sent=NOW), NOW)
    (command,) = trailing.decide(priced(110, at=Instant(OPENED_AT + 2)), NOW)
    assert isinstance(command, StopMove)
    assert command.position_id == missed.position_id


def test_a_late_snapshot_does_not_end_a_younger_position() -> None:
    trailing = following(open_position())
    trailing.decide(snapshot(at=OPENED_AT, sent=NOW), NOW)
    assert trailing.symbols == (BTC,)


def test_a_stop_lost_on_the_way_is_asked_for_again_with_the_next_snapshot() -> None:
    trailing = following(open_position())
    (first,) = trailing.decide(priced(110), NOW)
    later = Instant(NOW + 30_000)
    (again,) = trailing.decide(snapshot(open_position(), sent=later), later)
    assert again.id == first.id
    confirmed = open_position(version=2, stop="107.8")
    assert trailing.decide(snapshot(confirmed, sent=later), Instant(later + 30_000)) == ()


def test_a_version_known_since_is_named_in_the_command() -> None:
    trailing = following(open_position())
    trailing.decide(changed(open_position(version=5, stop="99")), NOW)
    (command,) = trailing.decide(priced(110), NOW)
    assert isinstance(command, StopMove)
    assert command.version == 5


def test_too_long_in_a_position_asks_for_its_close_once() -> None:
    trailing = following(open_position())
    (command,) = trailing.decide(priced(100, at=Instant(OPENED_AT + 48 * HOUR_MS)), NOW)
    assert isinstance(command, PositionClose)
    assert trailing.decide(priced(100, at=Instant(OPENED_AT + 49 * HOUR_MS)), NOW) == ()


@pytest.mark.parametrize(("price", "spelled"), [("196", "196"), ("196.00", "196"), ("1.96E+2", "196"), ("0.10", "0.1")])
def test_a_price_has_one_spelling(price: str, spelled: str) -> None:
    assert plain(price_of(price)) == spelled
