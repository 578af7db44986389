from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest

from libs.common.errors import Misconfigured
from libs.common.exchange.market_types import Instrument, Ticker
from libs.common.exchange.memory import instrument
from libs.common.units import DAY_MS, HOUR_MS, Instant, Price, Symbol, Usd
from services.fetcher.core.choice import (
    TURN_AT_MS,
    Choice,
    Filter,
    LeftOut,
    Terms,
    best,
    choose,
    explained,
    turn_of,
    why_gone,
    without,
)
from tests.support.venue_candles import MORNING

OPEN = Terms("top:2", 0, Decimal(0), Decimal(0), Decimal(0))
USUAL = Terms("top:3", 30 * DAY_MS, Decimal("0.005"), Decimal("0.005"), Decimal(1))
AGES = Instant(MORNING - 900 * DAY_MS)
A, B, C, D = (Symbol(f"{name}USDT") for name in "ABCD")


def listed(*names: str, **launched: int) -> list[Instrument]:
    """Contracts that are as old as the market, or launched at these moments."""
    old = [replace(instrument(name), launched=AGES) for name in names]
    return [*old, *(replace(instrument(name), launched=Instant(at)) for name, at in launched.items())]


def ticker(symbol: str, turnover: int, *, spread: str = "0", low: str = "100", high: str = "105") -> Ticker:
    price, half = Decimal(100), Decimal(spread) * 50
    return Ticker(
        symbol=Symbol(symbol),
        last=Price(price),
        mark=Price(price),
        bid=Price(price - half),
        ask=Price(price + half),
        high_24h=Price(Decimal(high)),
        low_24h=Price(Decimal(low)),
        turnover_24h=Usd(Decimal(turnover)),
    )


def chosen(terms: Terms, there: Sequence[Instrument], shown: Sequence[Ticker], before: Choice | None = None) -> Choice:
    return choose(terms, there, shown, MORNING, before)


def test_a_turn_begins_seven_minutes_past_every_market_hour() -> None:
    before, at = Instant(MORNING + TURN_AT_MS - 1), Instant(MORNING + TURN_AT_MS)
    assert TURN_AT_MS == 7 * 60_000
    assert turn_of(at) == turn_of(before) + 1 == turn_of(Instant(at + HOUR_MS - 1))


def test_the_most_traded_are_chosen_and_told_in_order() -> None:
    tickers = [ticker("CUSDT", 9), ticker("AUSDT", 7), ticker("BUSDT", 7), ticker("GONEUSDT", 99)]
    assert chosen(OPEN, listed(A, B, C), tickers).symbols == (A, C)


@pytest.mark.parametrize(
    ("symbol", "reason"),
    [
        (ticker("BUSDT", 9, spread="0.0051"), Filter.WIDE_SPREAD),
        (ticker("BUSDT", 9, high="100.4"), Filter.TOO_STILL),
        (ticker("BUSDT", 9, low="40", high="81"), Filter.TOO_WILD),
        (ticker("ZUSDT", 9), Filter.NO_TICKER),
    ],
)
def test_each_filter_keeps_out_what_it_names(symbol: Ticker, reason: Filter) -> None:
    choice = chosen(USUAL, listed(A, B), [ticker("AUSDT", 1), symbol])
    assert choice.symbols == (A,)
    assert choice.left_out == {reason: LeftOut(1, (B,))}


@pytest.mark.parametrize(
    "symbol",
    [
        ticker("BUSDT", 9, spread="0.005"),
        ticker("BUSDT", 9, high="100.5"),
        ticker("BUSDT", 9, low="50", high="100"),
    ],
)
def test_what_is_just_within_the_limits_passes(symbol: Ticker) -> None:
    assert chosen(USUAL, listed(A, B), [ticker("AUSDT", 1), symbol]).symbols == (A, B)


def test_a_new_listing_waits_until_it_is_old_enough_and_enters_then() -> None:
    tickers = [ticker("AUSDT", 1), ticker("BUSDT", 9)]
    young = chosen(USUAL, listed(A, BUSDT=MORNING - 29 * DAY_MS), tickers)
    assert (young.symbols, young.left_out) == ((A,), {Filter.TOO_YOUNG: LeftOut(1, (B,))})
    assert chosen(USUAL, listed(A, BUSDT=MORNING - 31 * DAY_MS), tickers).symbols == (A, B)


def test_where_the_records_begin_nobody_is_young() -> None:
    recent = MORNING - 3 * DAY_MS
    there = listed(AUSDT=recent, BUSDT=recent + HOUR_MS, CUSDT=recent + 2 * DAY_MS)
    choice = chosen(USUAL, there, [ticker(f"{name}USDT", 1) for name in "ABC"])
    assert (choice.symbols, choice.left_out) == ((A, B), {Filter.TOO_YOUNG: LeftOut(1, (C,))})


def test_zero_switches_every_filter_off() -> None:
    off = replace(OPEN, wish="top:9")
    there = listed(A, BUSDT=MORNING)
    tickers = [ticker("AUSDT", 1, spread="0.9", high="100"), ticker("BUSDT", 1, low="1", high="900")]
    assert chosen(off, there, tickers).symbols == (A, B)


def test_what_is_in_stays_while_it_passes_limits_that_are_wider_by_half() -> None:
    before = Choice(USUAL.text, 0, (B,))
    wider, too_wide = ticker("BUSDT", 9, spread="0.0075"), ticker("BUSDT", 9, spread="0.0076")
    still = ticker("BUSDT", 9, high="100.34")
    there = listed(A, B)
    assert chosen(USUAL, there, [ticker("AUSDT", 1), wider], before).symbols == (A, B)
    assert chosen(USUAL, there, [ticker("AUSDT", 1), still], before).symbols == (A, B)
    assert chosen(USUAL, there, [ticker("AUSDT", 1), too_wide], before).symbols == (A,)
    assert chosen(USUAL, there, [ticker("AUSDT", 1), wider]).symbols == (A,)


def test_a_symbol_that_slips_a_few_ranks_stays_and_one_that_slips_far_goes() -> None:
    ranked = [Symbol(f"S{n:02}USDT") for n in range(20)]
    former = [*ranked[:9], ranked[11]]
    assert ranked[11] in best(ranked, 10, former)
    assert ranked[9] not in best(ranked, 10, former)
    assert ranked[9] in best(ranked, 10, [*ranked[:9], ranked[12]])


def test_a_symbol_that_is_well_inside_comes_in_whatever_was_there() -> None:
    ranked = [Symbol(f"S{n:02}USDT") for n in range(20)]
    kept = best(ranked, 10, ranked[1:11])
    assert ranked[0] in kept
    assert ranked[10] not in kept
    assert len(kept) == 10


def test_the_only_place_is_not_lost_to_a_neighbour() -> None:
    assert best([A, B, C], 1, [B]) == (B,)
    assert best([A, B, C], 1, [C]) == (A,)


def test_another_wish_owes_nothing_to_the_former_choice() -> None:
    tickers = [ticker(f"{name}USDT", 9 - n) for n, name in enumerate("ABCD")]
    before = Choice("top:4 and other limits", 0, (B, C, D))
    assert chosen(replace(OPEN, wish="top:1"), listed(A, B, C, D), tickers, before).symbols == (A,)


def test_where_nothing_passes_what_was_chosen_stays_as_far_as_it_is_listed() -> None:
    before = Choice(USUAL.text, 0, (A, B))
    choice = chosen(USUAL, listed(A), [ticker("AUSDT", 1, low="1")], before)
    assert choice.symbols == (A,)
    assert choice.turn == turn_of(MORNING)
    assert chosen(USUAL, listed(A), [ticker("AUSDT", 1, low="1")]).symbols == ()


def test_of_each_filter_at_most_ten_are_named_and_those_that_go_before_those_that_never_came() -> None:
    names = [f"S{n:02}USDT" for n in range(15)]
    before = Choice(USUAL.text, 0, (Symbol("S14USDT"),))
    tickers = [ticker(name, 100 - n, low="1") for n, name in enumerate(names)]
    choice = chosen(USUAL, listed(A, *names), [ticker("AUSDT", 1), *tickers], before)
    left_out = choice.left_out[Filter.TOO_WILD]
    assert left_out.count == 15
    assert left_out.symbols == ("S14USDT", *names[:9])
    assert explained(choice) == f"15 too_wild ({', '.join(left_out.symbols)}, …)"


def test_a_list_is_taken_as_it_is_whatever_the_filters_say() -> None:
    wish = replace(USUAL, wish=("BUSDT", "AUSDT", "BUSDT"))
    assert chosen(wish, listed(A, B), []).symbols == (A, B)


def test_a_symbol_of_a_list_that_was_delisted_is_gone_and_no_error() -> None:
    wish = replace(USUAL, wish=("AUSDT", "BUSDT"))
    before = Choice(wish.text, 0, (A, B))
    choice = chosen(wish, listed(A), [], before)
    assert (choice.symbols, choice.gone) == ((A,), (B,))
    again = chosen(wish, listed(A), [], choice)
    assert (again.symbols, again.gone) == ((A,), (B,))
    assert chosen(wish, listed(A, B), [], again).gone == ()  # listed again


def test_a_symbol_of_a_list_that_never_was_listed_is_refused_with_what_is_like_it() -> None:
    wish = replace(USUAL, wish=("AUSD", "BUSDT"))
    with pytest.raises(Misconfigured, match="'AUSD' is not listed; did you mean AUSDT"):
        chosen(wish, listed(A, B), [], Choice("top:1", 0, (B,)))


def test_what_this_process_has_seen_listed_is_no_misspelling() -> None:
    wish = replace(USUAL, wish=("AUSDT", "BUSDT"))
    choice = choose(wish, listed(A), [], MORNING, None, once=frozenset({B}))
    assert (choice.symbols, choice.gone) == ((A,), (B,))


def test_a_delisted_symbol_leaves_within_the_hour_and_nobody_takes_its_place() -> None:
    before = Choice(OPEN.text, 7, (A, B))
    after = without(before, {A, C})
    assert (after.symbols, after.version, after.gone) == ((A,), (7, 1), ())
    assert without(before, {A, B, C}) is before
    named = Choice("AUSDT,BUSDT", 7, (A, B))
    assert without(named, {A}).gone == (B,)


def test_it_is_said_why_a_symbol_went() -> None:
    choice = Choice(OPEN.text, 7, (A,), left_out={Filter.WIDE_SPREAD: LeftOut(1, (B,))})
    assert [why_gone(choice, symbol, {A, B, C}) for symbol in (B, C, D)] == [
        "wide_spread",
        "not among the best",
        "delisted",
    ]


def test_the_same_questions_have_the_same_choice() -> None:
    there, tickers = listed(A, B, C, D), [ticker(f"{name}USDT", 5) for name in "DCBA"]
    assert chosen(OPEN, there, tickers) == chosen(OPEN, there[::-1], tickers[::-1])
