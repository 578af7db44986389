from dataclasses import replace
from decimal import Decimal as D

import pytest

from libs.common.contracts.trades import CloseReason
from libs.common.units import HOUR_MS, Fraction, Instant, Side
from services.trailing.core.judgement import PATIENCE_MS, judge, judge_again, remember
from services.trailing.core.overdue import GRACE_MS
from services.trailing.core.rules import Rules
from services.trailing.core.watch import Asked, Left, Watch, begin, hear, observe
from tests.support.positions import OPENED_AT, open_position, price_of, priced

RULES = Rules(Fraction(D(1)), Fraction(D(2)), Fraction(D("0.02")), Fraction(D("0.0005")), 48)
NOW = Instant(1_000)


def after(price: str, watch: Watch | None = None, now: Instant = NOW) -> tuple[Watch, Asked | Left | None]:
    watch = observe(begin(open_position(), OPENED_AT) if watch is None else watch, priced(price), now)
    return watch, judge(watch, last=price_of(price), market_now=OPENED_AT, now=now, rules=RULES)


@pytest.mark.parametrize(
    ("side", "stop", "price", "asked"),
    [
        (Side.LONG, "98", "101.99", None),
        (Side.LONG, "98", "102", "99.96"),
        (Side.LONG, "98", "200", "196"),
        (Side.SHORT, "102", "98", "99.96"),
        (Side.SHORT, "102", "98.01", None),
    ],
)
def test_the_stop_follows_once_a_first_risk_was_earned(side: Side, stop: str, price: str, asked: str | None) -> None:
    position = open_position(side=side, stop=stop, initial_stop=stop)
    _, wish = after(price, begin(position, OPENED_AT))
    assert (wish.stop if isinstance(wish, Asked) else None) == (None if asked is None else price_of(asked))


def test_the_distance_is_in_atr_of_the_decision() -> None:
    _, wish = after("110", begin(open_position(atr="1.5"), OPENED_AT))
    assert isinstance(wish, Asked)
    assert wish.stop == 107


def test_a_stop_that_moved_before_a_restart_goes_on_moving_below_the_activation() -> None:
    moved = begin(open_position(stop="98.5", version=4), OPENED_AT)
    _, wish = after("101", moved)
    assert isinstance(wish, Asked)
    assert wish.stop == D("98.98")


def test_what_was_asked_for_is_not_asked_for_again() -> None:
    watch, wish = after("110")
    assert isinstance(wish, Asked)
    watch = remember(watch, wish, NOW)
    assert after("110", watch)[1] is None
    assert after("109", watch)[1] is None
    assert after("110.01", watch)[1] is None  # 0.0098 is less than the least move
    assert isinstance(after("111", watch)[1], Asked)


def test_a_position_open_for_too_long_is_left_once() -> None:
    watch = begin(open_position(), OPENED_AT)
    late = Instant(OPENED_AT + 48 * HOUR_MS)
    wish = judge(watch, last=price_of(100), market_now=late, now=NOW, rules=RULES)
    assert wish == Left(1, "time stop: open for 48 h", CloseReason.SIGNAL, NOW)
    again = judge(remember(watch, wish, NOW), last=price_of(110), market_now=late, now=NOW, rules=RULES)
    assert again is None


def test_an_exit_is_asked_for_again_when_the_position_has_changed() -> None:
    late = Instant(OPENED_AT + 48 * HOUR_MS)
    watch = replace(begin(open_position(), OPENED_AT), left=Left(1, "", CloseReason.SIGNAL, NOW))
    changed = hear(watch, open_position(version=2), OPENED_AT)
    wish = judge(changed, last=price_of(100), market_now=late, now=NOW, rules=RULES)
    assert isinstance(wish, Left)
    assert wish.version == 2


@pytest.mark.parametrize(("stop", "cause"), [("98", CloseReason.STOP_LOSS), ("99", CloseReason.TRAILING)])
def test_a_stop_that_has_not_fired_in_time_is_stood_in_for(stop: str, cause: CloseReason) -> None:
    watch, wish = after("97", begin(open_position(stop=stop, version=2), OPENED_AT))
    assert not isinstance(wish, Left)
    _, wish = after("97", watch, Instant(NOW + GRACE_MS))
    assert isinstance(wish, Left)
    assert wish.close_reason is cause


def test_a_wish_without_an_answer_is_repeated_word_by_word_after_a_while() -> None:
    watch, wish = after("110")
    assert isinstance(wish, Asked)
    watch = remember(watch, wish, NOW)
    assert judge_again(watch, now=Instant(NOW + PATIENCE_MS - 1), rules=RULES) is None
    assert judge_again(watch, now=Instant(NOW + PATIENCE_MS), rules=RULES) == wish
    answered = hear(watch, open_position(version=2, stop="107.8"), OPENED_AT)
    assert judge_again(answered, now=Instant(NOW + PATIENCE_MS), rules=RULES) is None


def test_an_exit_without_an_answer_is_repeated_after_a_while() -> None:
    left = Left(1, "", CloseReason.SIGNAL, NOW)
    watch = remember(begin(open_position(), OPENED_AT), left, NOW)
    assert judge_again(watch, now=NOW, rules=RULES) is None
    assert judge_again(watch, now=Instant(NOW + PATIENCE_MS), rules=RULES) == left
    assert remember(watch, left, Instant(99_000)).left == replace(left, at=Instant(99_000))
