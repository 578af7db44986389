"""The failures that users of other systems reported, and the story that shows each of them here.

A row is: its number, the reports (`repository#number`), and the tests whose docstrings name them.
"""

from importlib import import_module
from inspect import getdoc
from typing import Final, NamedTuple

import pytest

LOST = "tests.stories.peers.test_lost_orders"
FILLS = "tests.stories.peers.test_fills"
STARTS = "tests.stories.peers.test_restarts"
STOPS = "tests.stories.peers.test_stops"
WIRE = "tests.stories.peers.test_on_the_wire"
ANSWERS = "tests.stories.executor.test_lost_answers"
LEAVING = "tests.stories.executor.test_leaving"
GATES = "tests.stories.executor.test_gates"
GUARD = "tests.stories.executor.test_stops"
PORT = "tests.contract.exchange.test_trading"
HAND = "tests.contract.exchange.test_paper_with_our_adapter"
ADAPTER = "tests.unit.common.test_ccxt_trading"
CANDLES = "tests.unit.fetcher.test_candles"


class Told(NamedTuple):
    number: int
    reports: tuple[str, ...]
    stories: tuple[str, ...]


FAILURES: Final = (
    # Orders that were lost or sent twice, and restarts.
    Told(
        1,
        ("hummingbot#8457",),
        (
            f"{LOST}:test_an_accepted_order_outlives_a_network_that_is_down_for_half_an_hour",
            f"{LOST}:test_one_source_that_does_not_answer_is_enough_to_keep_an_order_unknown",
        ),
    ),
    Told(
        2,
        ("hummingbot#6901", "hummingbot#6996"),
        (
            f"{ANSWERS}:test_a_reply_that_was_lost_after_the_order_was_accepted_is_looked_up",
            f"{WIRE}:test_an_accepted_order_whose_answer_was_lost_is_a_position",
        ),
    ),
    Told(
        3,
        ("hummingbot-api#243",),
        (f"{STARTS}:test_a_killed_executors_position_has_its_stop_and_its_exit_from_the_next_one",),
    ),
    Told(
        4,
        ("hummingbot#3324",),
        (
            f"{STARTS}:test_nothing_is_entered_as_if_flat_after_a_restart",
            f"{WIRE}:test_a_restart_takes_the_venues_word",
        ),
    ),
    Told(
        5,
        ("nautilus#4736",),
        (
            f"{STARTS}:test_the_venue_overrules_what_was_kept_and_nothing_is_made_up",
            f"{WIRE}:test_a_restart_takes_the_venues_word",
        ),
    ),
    Told(
        6,
        ("nautilus#5000",),
        (f"{STARTS}:test_a_working_order_outlives_a_kill_whatever_the_fills_of_others_say",),
    ),
    Told(
        7,
        ("nautilus#3176", "nautilus#3046"),
        (f"{STARTS}:test_what_has_to_be_made_up_has_the_same_name_at_every_start",),
    ),
    Told(
        8,
        ("nautilus#4152",),
        (f"{ANSWERS}:test_while_an_order_is_unknown_its_slot_and_margin_are_taken_and_the_operator_is_told",),
    ),
    Told(9, ("nautilus PR#4411",), (f"{PORT}:test_the_stop_of_a_position_is_among_the_open_orders",)),
    Told(
        10,
        ("nautilus PR#3493",),
        (
            f"{FILLS}:test_a_hands_position_whose_fills_come_late_is_counted_once",
            f"{FILLS}:test_a_fill_that_comes_after_the_venues_word_was_taken_for_it_is_counted_once",
        ),
    ),
    Told(
        11,
        ("nautilus#4215",),
        (
            f"{LOST}:test_a_retry_is_called_off_by_any_proof_that_the_first_request_arrived",
            f"{ANSWERS}:test_an_order_that_exists_already_is_ours",
        ),
    ),
    Told(12, ("freqtrade#11461",), (f"{LEAVING}:test_a_partial_exit_happens_once_however_often_it_is_asked_for",)),
    Told(
        13,
        ("freqtrade#9674", "freqtrade#7606", "freqtrade#2836"),
        (
            f"{GUARD}:test_a_position_opened_by_hand_is_adopted_and_protected",
            f"{GUARD}:test_a_position_closed_by_hand_becomes_a_trade",
            "tests.stories.executor.test_restarts:test_what_the_position_did_while_we_were_dead_is_in_its_trade",
        ),
    ),
    Told(
        14,
        ("freqtrade PR#6943",),
        (
            f"{LOST}:test_one_not_found_at_a_start_ends_no_order",
            f"{WIRE}:test_an_order_that_only_the_history_shows_is_known_from_there",
        ),
    ),
    Told(
        15,
        ("freqtrade#9128", "freqtrade#9273"),
        (
            f"{LOST}:test_a_cancel_that_was_acknowledged_is_not_a_cancelled_order",
            f"{LOST}:test_a_cancel_that_nobody_told_of_is_looked_up",
            f"{LOST}:test_a_cancel_whose_request_was_lost_is_asked_for_again",
            f"{WIRE}:test_only_the_venues_list_says_that_an_order_is_cancelled",
        ),
    ),
    Told(
        16,
        ("passivbot#980",),
        (
            f"{LOST}:test_an_entry_whose_fill_was_not_taken_in_yet_is_not_posted_again",
            f"{LEAVING}:test_a_new_entry_waits_until_no_earlier_request_can_arrive",
            f"{GUARD}:test_a_stale_report_adopts_no_ghost",
        ),
    ),
    Told(
        17,
        ("passivbot#1323", "passivbot PR#1325"),
        (f"{STARTS}:test_a_position_dated_after_its_own_fill_is_still_led",),
    ),
    Told(
        18,
        ("OctoBot#3190", "jesse#371"),
        (
            f"{STARTS}:test_a_killed_executors_position_has_its_stop_and_its_exit_from_the_next_one",
            f"{STARTS}:test_a_start_closes_nothing",
            f"{WIRE}:test_a_stop_that_is_gone_from_the_venue_is_back",
        ),
    ),
    Told(
        19,
        ("LEAN.IB#249", "LEAN.TradeStation#101", "LEAN.TradeStation PR#95"),
        (
            f"{FILLS}:test_what_was_filled_while_the_stream_was_away_is_asked_for_when_it_is_back",
            f"{FILLS}:test_a_frame_dropped_on_a_healthy_stream_is_missed_for_half_a_minute_at_most",
            f"{WIRE}:test_frames_dropped_on_a_healthy_socket_are_found",
            f"{WIRE}:test_what_was_filled_while_the_socket_was_away_is_known_when_it_is_back",
        ),
    ),
    Told(
        20,
        ("banbot PR#178", "Vibe-Trading PR#1213", "Vibe-Trading PR#1221"),
        (
            f"{ANSWERS}:test_a_request_that_never_arrived_is_sent_again_under_the_same_name",
            f"{GATES}:test_every_order_is_in_the_ledger_before_its_request_leaves",
            f"{GATES}:test_an_exit_that_may_still_arrive_keeps_a_flat_symbol_shut",
        ),
    ),
    # Stops that were not placed.
    Told(
        21,
        ("freqtrade#8429", "freqtrade#9456"),
        (
            f"{GUARD}:test_a_stop_that_would_trigger_at_once_closes_the_position_now",
            f"{GUARD}:test_a_stop_that_the_venue_refuses_closes_the_position_now",
            f"{WIRE}:test_a_stop_that_the_venue_refuses_for_its_side_closes_the_position",
        ),
    ),
    Told(
        22,
        ("freqtrade#8374", "freqtrade#8526", "freqtrade#8169"),
        (
            f"{STOPS}:test_a_stop_that_was_filled_in_part_guards_the_rest_with_its_whole_size",
            f"{STOPS}:test_a_partial_exit_takes_no_stop_away",
        ),
    ),
    Told(
        23,
        ("freqtrade#9629",),
        (f"{STOPS}:test_a_stop_that_could_not_be_moved_leaves_the_old_one_and_the_position",),
    ),
    Told(
        24,
        ("hummingbot#7611",),
        (
            f"{LEAVING}:test_a_close_is_reduce_only_and_asked_for_once",
            f"{WIRE}:test_a_close_whose_answer_was_lost_makes_no_counter_position",
        ),
    ),
    # Traps in the venue's data.
    Told(
        25,
        ("ccxt#17244", "nautilus#4937"),
        (
            f"{ANSWERS}:test_funding_among_the_executions_is_no_fill",
            f"{PORT}:test_funding_is_an_execution_of_its_own_kind",
            f"{WIRE}:test_funding_among_the_executions_is_money_and_no_fill",
        ),
    ),
    Told(
        26,
        ("nautilus#3836",),
        (
            f"{ADAPTER}:test_what_a_row_may_leave_out_kills_no_report",
            f"{ADAPTER}:test_money_that_a_row_leaves_out_is_an_error_and_no_zero",
        ),
    ),
    Told(
        27,
        ("ccxt#27863",),
        (
            f"{ANSWERS}:test_frames_that_come_twice_count_once",
            f"{WIRE}:test_frames_that_come_twice_or_out_of_order_count_once",
        ),
    ),
    Told(
        28,
        ("pybit#175",),
        (
            f"{CANDLES}:test_the_last_candle_of_an_answer_is_closed_when_its_time_is_over_in_the_market",
            f"{WIRE}:test_the_candle_that_is_forming_is_never_taken_for_a_closed_one",
        ),
    ),
    Told(
        29,
        ("ccxt#24981", "ccxt#14870", "pybit#191", "pybit#232"),
        (
            f"{HAND}:test_a_clock_that_is_wrong_is_measured_and_every_request_dated_right",
            f"{ADAPTER}:test_a_write_is_dated_with_its_stamp_and_signed_over_the_raw_body",
        ),
    ),
    Told(
        30,
        ("freqtrade#10708",),
        (
            f"{ADAPTER}:test_an_order_is_looked_for_in_the_history_too",
            f"{WIRE}:test_an_order_that_only_the_history_shows_is_known_from_there",
        ),
    ),
)


def test_the_list_is_complete() -> None:
    assert [told.number for told in FAILURES] == list(range(1, 31))


@pytest.mark.parametrize("told", FAILURES, ids=lambda told: f"{told.number}-{told.reports[0]}")
def test_a_failure_has_stories_and_they_name_the_reports(told: Told) -> None:
    named = set()
    for story in told.stories:
        module, _, function = story.partition(":")
        words = getdoc(getattr(import_module(module), function)) or ""
        here = {report for report in told.reports if report in words}
        assert here, f"{story} names none of {told.reports}"
        named |= here
    assert named == {*told.reports}
