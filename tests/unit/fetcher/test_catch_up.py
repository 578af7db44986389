"""What is told, stored, asked and given up, series by series."""

from collections.abc import Sequence
from decimal import Decimal

from libs.common.exchange.market_types import Candle
from libs.common.units import Instant, Price, Symbol, Timeframe
from services.fetcher.core.catch_up import (
    AGAIN_MS,
    ANNOUNCED,
    OVERDUE_MS,
    TRIES,
    Ask,
    CatchUp,
    Effect,
    GivenUp,
    Lane,
    Loss,
    Store,
    Tell,
)
from services.fetcher.core.quarantine import Confirmed, Quarantined
from tests.support.venue_candles import BTC, MORNING, closes_at, venue_candle

M15 = Timeframe.M15
KEY = (BTC, M15)
NEVER = Instant(0)
WALL = Instant(50_000)
LATER = closes_at(1_000)  # market time, when candles are heard


def at(n: int) -> Instant:
    return Instant(MORNING + n * M15.ms)


def later(ms: int) -> Instant:
    return Instant(WALL + ms)


def told(effects: Sequence[Effect]) -> list[tuple[str, int]]:
    """Effects as (what, which candle)."""
    found: list[tuple[str, int]] = []
    for effect in effects:
        match effect:
            case Tell(candle=candle):
                found.append(("tell", number(candle.open_at)))
            case Store(candles=candles):
                found += [("store", number(candle.open_at)) for candle in candles]
            case GivenUp(candle=missing):
                found.append(("missing", number(missing.open_at)))
            case Quarantined(candle=bad):
                found.append(("bad", number(bad.open_at)))
            case Confirmed(candle=odd):
                found.append(("confirmed", number(odd.open_at)))
    return found


def number(open_at: int) -> int:
    return (open_at - MORNING) // M15.ms


def begun(stored: int | None, *, market: int, history: int = 5) -> CatchUp:
    series = CatchUp(history)
    series.begin(KEY, None if stored is None else at(stored), NEVER, closes_at(market), WALL)
    return series


def due(series: CatchUp, market: Instant, wall: Instant) -> Sequence[Ask]:
    """What is asked when nothing stands in the way and nothing is held."""
    return series.asks(market, wall, busy=(), room={Lane.OTHER: 100})


def answer(series: CatchUp, market: int, *numbers: int, wall: Instant = WALL) -> list[tuple[str, int]]:
    """Let REST have these candles of what is asked for."""
    [ask] = due(series, closes_at(market), wall)
    candles = [venue_candle(n) for n in numbers if at(n) >= ask.start][: ask.limit]
    return told(series.answered(ask, candles, closes_at(market), wall))


def complete(market: int = 9) -> CatchUp:
    series = begun(market, market=market)
    assert due(series, closes_at(market), WALL) == []
    return series


def test_a_first_start_asks_for_the_history_and_stores_it_silently() -> None:
    series = begun(None, market=9)
    assert answer(series, 9, *range(10)) == [("store", n) for n in range(5, 10)]
    assert series.is_complete
    assert not series.loading


def test_a_symbol_younger_than_the_history_begins_with_its_first_candle() -> None:
    series = CatchUp(5)
    series.begin(KEY, None, Instant(at(7) + 1), closes_at(9), WALL)
    [ask] = due(series, closes_at(9), WALL)
    assert ask.start == at(7)
    assert told(series.answered(ask, [venue_candle(8), venue_candle(9)], closes_at(9), WALL)) == [
        ("store", 8),
        ("store", 9),
    ]
    assert series.is_complete


def test_what_closed_during_an_absence_is_told_and_only_that_is_asked_for() -> None:
    series = begun(7, market=9)
    [ask] = due(series, closes_at(9), WALL)
    assert (ask.start, ask.limit) == (at(8), 3)
    effects = series.answered(ask, [venue_candle(8), venue_candle(9), venue_candle(10)], closes_at(9), WALL)
    assert told(effects) == [("tell", 8), ("tell", 9)]
    assert [effect.after for effect in effects if isinstance(effect, Tell)] == [at(7), at(8)]


def test_after_a_long_absence_what_nobody_decides_on_any_more_is_only_stored() -> None:
    newest = ANNOUNCED + 10
    series = begun(0, market=newest, history=2_000)
    effects = answer(series, newest, *range(1, newest + 1))
    assert effects[:11] == [*(("store", n) for n in range(1, 11)), ("tell", 11)]
    assert effects[-1] == ("tell", newest)


def test_after_an_absence_longer_than_the_history_the_series_goes_on_at_the_history() -> None:
    series = begun(0, market=100, history=5)
    assert answer(series, 100, *range(101)) == [("tell", n) for n in range(96, 101)]


def test_a_live_candle_is_told_at_once() -> None:
    series = complete()
    assert told(series.hear(venue_candle(10), LATER, WALL)) == [("tell", 10)]
    assert told(series.hear(venue_candle(10), LATER, WALL)) == []
    assert series.is_complete


def test_a_live_candle_behind_a_hole_waits_for_rest() -> None:
    series = complete()
    assert told(series.hear(venue_candle(11), LATER, WALL)) == []
    assert not series.is_complete
    assert answer(series, 11, 10) == [("tell", 10), ("tell", 11)]
    assert series.is_complete


def test_a_candle_that_closes_while_the_answer_is_on_its_way_is_not_closed_in_the_answer() -> None:
    """pybit#175: the answer was made when it was forming, and is read when its time is over."""
    series = begun(8, market=9)
    [ask] = due(series, closes_at(9), WALL)
    forming = venue_candle(10, close=Decimal(1_010))
    assert told(series.answered(ask, [venue_candle(9), forming], closes_at(10), WALL)) == [("tell", 9)]
    assert answer(series, 10, 10) == [("tell", 10)]


def test_a_question_is_not_asked_twice_at_once() -> None:
    series = begun(None, market=9)
    assert len(due(series, closes_at(9), WALL)) == 1
    assert due(series, closes_at(9), WALL) == []


def test_questions_about_busy_symbols_come_first_and_wait_for_no_other() -> None:
    """freqtrade#11725: a symbol that nobody answered for kept the candles of the others stale."""
    series, names = CatchUp(5), [Symbol(f"S{n}USDT") for n in range(6)]
    for name in names:
        series.begin((name, M15), None, NEVER, closes_at(9), WALL)
    busy = {names[4], names[5]}

    def asked(**room: int) -> list[Symbol]:
        lanes = {Lane[lane]: most for lane, most in room.items()}
        return [ask.key[0] for ask in series.asks(closes_at(9), WALL, busy=busy, room=lanes)]

    assert asked(BUSY=1, OTHER=2) == [names[4], names[0], names[1]]
    assert asked(BUSY=1, OTHER=0) == [names[5]]
    assert asked(BUSY=9, OTHER=0) == []


def test_a_question_that_found_no_room_is_asked_in_the_lane_that_is_right_then() -> None:
    series = begun(None, market=9)
    assert series.asks(closes_at(9), WALL, busy=(), room={}) == []
    [ask] = series.asks(closes_at(9), WALL, busy={BTC}, room={Lane.BUSY: 1})
    assert ask.lane is Lane.BUSY


def test_a_failed_question_is_asked_again_and_is_no_answer() -> None:
    series = begun(8, market=9)
    for n in range(TRIES * 2):
        wall = later(n * 60_000)
        [ask] = due(series, closes_at(9), wall)
        series.failed(ask, wall, is_refused=False)
        assert due(series, closes_at(9), wall) == []
    assert answer(series, 9, 9, wall=later(10_000_000)) == [("tell", 9)]


def test_a_candle_that_the_venue_never_has_is_given_up_after_so_many_answers() -> None:
    series = complete()
    series.hear(venue_candle(12), LATER, WALL)
    said = [answer(series, 12, 12, wall=later(n * 60_000)) for n in range(TRIES)]
    assert said == [[]] * (TRIES - 1) + [[("missing", 10), ("missing", 11), ("tell", 12)]]
    assert due(series, closes_at(12), later(10_000_000)) == []
    assert series.is_complete


def test_part_of_a_hole_that_can_be_had_is_told_before_the_rest_is_given_up() -> None:
    series = complete()
    series.hear(venue_candle(13), LATER, WALL)
    assert answer(series, 13, 10, 12) == [("tell", 10)]
    said = [answer(series, 13, 12, wall=later(n * 60_000)) for n in range(TRIES)]
    assert said[-1] == [("missing", 11), ("tell", 12), ("tell", 13)]


def test_an_impossible_live_candle_is_quarantined_and_asked_for() -> None:
    series = complete()
    assert told(series.hear(venue_candle(10, low=Decimal(9_999)), LATER, WALL)) == [("bad", 10)]
    assert answer(series, 10, 10, wall=later(1_000)) == [("tell", 10)]


def test_an_impossible_rest_candle_is_a_hole() -> None:
    series = complete()
    series.hear(venue_candle(11), LATER, WALL)
    [ask] = due(series, closes_at(11), WALL)
    effects = series.answered(ask, [venue_candle(10, close=Decimal(0)), venue_candle(11)], closes_at(11), WALL)
    assert told(effects) == [("bad", 10)]
    assert not series.is_complete


def on_tick(series: CatchUp) -> CatchUp:
    series.quarantine.ticks = {BTC: Price(Decimal(1))}
    return series


def off_tick(n: int) -> Candle:
    return venue_candle(n, high=Price(Decimal("1900.5")))


def test_a_doubtful_candle_is_told_when_the_venue_has_said_it_three_times() -> None:
    series = on_tick(complete())
    assert told(series.hear(off_tick(10)._replace(closed=True), LATER, WALL)) == [("bad", 10)]
    assert told(series.hear(venue_candle(11), LATER, WALL)) == []
    said, wall = [], later(AGAIN_MS)
    while not series.is_complete:
        for ask in due(series, closes_at(11), wall):
            said.append(told(series.answered(ask, [off_tick(10), venue_candle(11)], closes_at(11), wall)))
        wall = Instant(wall + 100)
    assert said == [[], [], [("confirmed", 10), ("tell", 10), ("tell", 11)]]
    assert wall < later(5_000)


def test_a_doubtful_candle_that_the_venue_corrected_is_told_as_corrected_at_once() -> None:
    series = on_tick(complete())
    series.hear(off_tick(10)._replace(closed=True), LATER, WALL)
    assert due(series, closes_at(10), later(AGAIN_MS - 1)) == []
    assert answer(series, 10, 10, wall=later(AGAIN_MS)) == [("tell", 10)]
    assert series.quarantine.held == 0


def test_what_stays_impossible_is_given_up_and_the_message_says_what_was_wrong() -> None:
    series = complete()
    series.hear(venue_candle(11), LATER, WALL)
    effects: list[Effect] = []
    for n in range(TRIES):
        [ask] = due(series, closes_at(11), later(n * 60_000))
        page = [venue_candle(10, close=Decimal(0)), venue_candle(11)]
        effects += series.answered(ask, page, closes_at(11), later(n * 60_000))
    assert told(effects) == [("bad", 10), ("missing", 10), ("tell", 11)]
    [gone] = [effect.candle for effect in effects if isinstance(effect, GivenUp)]
    assert gone.reason == "a price is not above zero, or beyond all bounds, in 5 answers"
    assert (series.given_up, series.quarantine.held) == (1, 0)


def test_of_history_nothing_is_doubted_for_the_tick_may_have_been_another() -> None:
    series = on_tick(begun(None, market=9))
    [ask] = due(series, closes_at(9), WALL)
    effects = series.answered(ask, [off_tick(n) for n in range(5, 10)], closes_at(9), WALL)
    assert told(effects) == [("store", n) for n in range(5, 10)]


def test_candles_are_judged_by_the_history_that_was_stored_before_them() -> None:
    series = CatchUp(100)
    series.begin(KEY, None, NEVER, closes_at(99), WALL)
    answer(series, 99, *range(100))
    assert told(series.hear(venue_candle(100, high=Price(Decimal(2_000))), LATER, WALL)) == [("bad", 100)]


def test_a_frame_of_a_candle_that_has_not_begun_opens_no_hole() -> None:
    """One wrong year in it would have the candles of every day until then given up as missing."""
    series = complete()
    assert told(series.hear(venue_candle(11), closes_at(9), WALL)) == [("bad", 11)]
    assert series.is_complete
    assert series.quarantine.held == 0
    assert told(series.hear(venue_candle(10), closes_at(10), WALL)) == [("tell", 10)]


def test_what_an_answer_has_beyond_what_has_closed_is_left_for_its_time() -> None:
    series = begun(8, market=9)
    [ask] = due(series, closes_at(9), WALL)
    page = [venue_candle(9), venue_candle(500), venue_candle(501)]
    assert told(series.answered(ask, page, closes_at(9), WALL)) == [("tell", 9)]
    assert series.lines[KEY].waiting == ()


def test_a_late_frame_of_a_candle_that_was_told_is_nothing_new() -> None:
    series = complete()
    assert series.hear(venue_candle(9, close=Decimal(0)), LATER, WALL) == ()
    assert series.is_complete


def ended(*, market: int) -> CatchUp:
    """A complete series whose symbol the venue lists no more."""
    series = complete(market)
    series.see_ended(frozenset({BTC}))
    return series


def test_a_symbol_that_is_traded_no_more_is_asked_about_once_and_never_again() -> None:
    series = ended(market=9)
    for n in range(10, 14):
        series.watch(closes_at(n), later(n * 60_000))
        series.watch(closes_at(n), later(n * 60_000 + OVERDUE_MS))
        asked = due(series, closes_at(n), later(n * 60_000 + OVERDUE_MS))
        assert len(asked) == (n == 10)
        for ask in asked:
            assert series.answered(ask, [], closes_at(n), later(n * 60_000 + OVERDUE_MS)) == []
    series.check(KEY, closes_at(14), later(900_000))
    assert series.is_complete
    assert series.given_up == 0


def test_a_question_that_the_venue_refuses_for_a_symbol_that_ended_is_not_repeated() -> None:
    series = begun(8, market=9)
    [ask] = due(series, closes_at(9), WALL)
    series.failed(ask, WALL, is_refused=True)
    assert series.is_puzzled
    series.see_ended(frozenset({BTC}))
    assert not series.is_puzzled
    [ask] = due(series, closes_at(9), later(60_000))
    series.failed(ask, later(60_000), is_refused=True)
    assert series.is_complete
    assert not series.loading


def test_what_a_symbol_traded_before_it_ended_is_still_told() -> None:
    series = ended(market=9)
    series.check(KEY, closes_at(12), WALL)
    assert answer(series, 12, 10, 11) == [("tell", 10), ("tell", 11)]
    assert answer(series, 12) == []
    assert series.over == {KEY}


def test_a_hole_before_the_end_is_a_hole() -> None:
    series = ended(market=9)
    series.hear(venue_candle(11), LATER, WALL)
    said = [answer(series, 11, 11, wall=later(n * 60_000)) for n in range(TRIES)]
    assert said[-1] == [("missing", 10), ("tell", 11)]


def test_a_symbol_that_is_traded_again_goes_on_where_it_stopped() -> None:
    series = ended(market=9)
    series.check(KEY, closes_at(10), WALL)
    answer(series, 10)
    series.see_ended(frozenset())
    series.check(KEY, closes_at(11), WALL)
    assert answer(series, 11, 10, 11) == [("tell", 10), ("tell", 11)]


def test_a_symbol_that_was_listed_and_has_not_traded_yet_is_complete_with_what_there_is() -> None:
    series = begun(None, market=9)
    said = [answer(series, 9, wall=later(n * 60_000)) for n in range(TRIES)]
    assert said == [[]] * TRIES
    assert due(series, closes_at(9), later(900_000)) == []
    assert series.is_complete
    assert not series.loading
    assert told(series.hear(venue_candle(10), LATER, WALL)) == [("tell", 10)]


def test_a_candle_that_is_not_heard_in_time_is_asked_for() -> None:
    series = complete()
    series.watch(closes_at(10), WALL)
    series.watch(closes_at(10), later(OVERDUE_MS - 1))
    assert due(series, closes_at(10), later(OVERDUE_MS)) == []
    series.watch(closes_at(10), later(OVERDUE_MS))
    assert answer(series, 10, 10, wall=later(OVERDUE_MS)) == [("tell", 10)]


def tells(effects: Sequence[Effect]) -> list[Tell]:
    return [effect for effect in effects if isinstance(effect, Tell)]


def gone(tell: Tell) -> Loss:
    """Redis did not take this, for its series is empty."""
    return Loss(tell.key, None, Instant(tell.candle.open_at - M15.ms), tell.taken)


def test_a_series_that_redis_lost_is_stored_again_and_told_from_where_it_was_not() -> None:
    series = complete()
    [tell] = tells(series.hear(venue_candle(10), LATER, WALL))
    series.lost(gone(tell), closes_at(10), WALL)
    assert answer(series, 10, *range(11)) == [*(("store", n) for n in range(6, 10)), ("tell", 10)]


def test_what_was_decided_before_a_loss_was_noticed_does_not_begin_it_again() -> None:
    series = complete()
    first, second = tells([*series.hear(venue_candle(10), LATER, WALL), *series.hear(venue_candle(11), LATER, WALL)])
    series.lost(gone(first), closes_at(11), WALL)
    series.lost(gone(second), closes_at(11), WALL)
    assert answer(series, 11, *range(12))[-3:] == [("store", 9), ("tell", 10), ("tell", 11)]
    series.lost(gone(second), closes_at(11), WALL)
    assert series.is_complete


def test_a_second_loss_is_noticed_too() -> None:
    series = complete()
    [tell] = tells(series.hear(venue_candle(10), LATER, WALL))
    series.lost(gone(tell), closes_at(10), WALL)
    [ask] = due(series, closes_at(10), WALL)
    *_, again = tells(series.answered(ask, [venue_candle(n) for n in range(6, 11)], closes_at(10), WALL))
    series.lost(gone(again), closes_at(10), WALL)
    assert answer(series, 10, *range(11))[-1] == ("tell", 10)


def test_what_redis_lost_of_the_end_is_told_again() -> None:
    series = complete()
    series.hear(venue_candle(10), LATER, WALL)
    [end] = series.ends
    series.lost(Loss(KEY, at(8), end.at, end.taken), closes_at(10), WALL)
    assert answer(series, 10, *range(11)) == [("tell", 9), ("tell", 10)]


def test_a_first_history_that_is_lost_between_two_pages_is_stored_again_in_silence() -> None:
    series = CatchUp(5)
    series.begin(KEY, None, NEVER, closes_at(9), WALL)
    [ask] = due(series, closes_at(9), WALL)
    [first] = series.answered(ask, [venue_candle(n) for n in (5, 6)], closes_at(9), WALL)
    [late] = due(series, closes_at(9), WALL)
    assert isinstance(first, Store)
    series.lost(Loss(KEY, None, None, first.taken), closes_at(9), WALL)
    assert series.answered(late, [venue_candle(n) for n in (7, 8, 9)], closes_at(9), WALL) == ()
    assert answer(series, 9, *range(10)) == [("store", n) for n in range(5, 10)]


def test_only_series_at_rest_have_an_end_to_be_looked_after() -> None:
    series = begun(None, market=9)
    assert list(series.ends) == []
    answer(series, 9, *range(10))
    assert [(end.key, end.at) for end in list(series.ends)] == [(KEY, at(9))]
    series.hear(venue_candle(11), LATER, WALL)
    assert list(series.ends) == []


def test_a_dropped_symbol_is_not_told_asked_or_waited_for() -> None:
    series = begun(None, market=9)
    [ask] = due(series, closes_at(9), WALL)
    series.drop(BTC)
    assert series.is_complete
    assert series.answered(ask, [venue_candle(9)], closes_at(9), WALL) == ()
    assert series.hear(venue_candle(10), LATER, WALL) == ()
    series.failed(ask, WALL, is_refused=False)
    series.lost(Loss(KEY, None, None, 1), closes_at(9), WALL)
    assert due(series, closes_at(9), WALL) == []
