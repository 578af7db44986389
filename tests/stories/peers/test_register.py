"""Which story stands for which failure of other systems, and the proof that every one of them has its story.

The failures are numbered by subject: 1-20 orders lost or doubled and restarts, 21-24 stops that were not there, 25-30
traps in the venue's data, 39 candles that went stale. A story names the issue in its docstring.
"""

import ast
import re
from pathlib import Path
from typing import Final

import pytest

TESTS: Final = Path(__file__).parents[2]
FAILURES: Final = (*range(1, 31), 39)
REGISTER: Final = (
    (
        1,
        "hummingbot#8457",
        "stories/peers/test_lost_orders",
        "test_an_accepted_order_outlives_a_network_that_is_down_for_half_an_hour",
    ),
    (
        1,
        "hummingbot#8457",
        "stories/peers/test_lost_orders",
        "test_one_source_that_does_not_answer_is_enough_to_keep_an_order_unknown",
    ),
    (
        2,
        "hummingbot#6901",
        "stories/executor/test_lost_answers",
        "test_a_reply_that_was_lost_after_the_order_was_accepted_is_looked_up",
    ),
    (
        2,
        "hummingbot#6996",
        "stories/peers/test_on_the_wire",
        "test_an_order_whose_answer_is_lost_on_the_wire_is_one_position",
    ),
    (
        2,
        "hummingbot#493",
        "stories/peers/test_on_the_wire",
        "test_an_order_whose_answer_is_lost_on_the_wire_is_one_position",
    ),
    (
        2,
        "hummingbot#2342",
        "stories/peers/test_on_the_wire",
        "test_an_order_whose_answer_is_lost_on_the_wire_is_one_position",
    ),
    (
        3,
        "hummingbot-api#243",
        "stories/peers/test_restarts",
        "test_a_killed_executors_position_has_its_stop_and_its_exit_from_the_next_one",
    ),
    (4, "hummingbot#3324", "stories/peers/test_restarts", "test_nothing_is_entered_as_if_flat_after_a_restart"),
    (
        5,
        "nautilus#4736",
        "stories/peers/test_restarts",
        "test_the_venue_overrules_what_was_kept_and_nothing_is_made_up",
    ),
    (
        6,
        "nautilus#5000",
        "stories/peers/test_restarts",
        "test_a_working_order_outlives_a_kill_whatever_the_fills_of_others_say",
    ),
    (7, "nautilus#3176", "stories/peers/test_restarts", "test_what_has_to_be_made_up_has_the_same_name_at_every_start"),
    (7, "nautilus#3046", "stories/peers/test_restarts", "test_what_has_to_be_made_up_has_the_same_name_at_every_start"),
    (
        8,
        "nautilus#4152",
        "stories/executor/test_lost_answers",
        "test_while_an_order_is_unknown_its_slot_and_margin_are_taken_and_the_operator_is_told",
    ),
    (9, "nautilus PR#4411", "contract/exchange/test_trading", "test_the_stop_of_a_position_is_among_the_open_orders"),
    (10, "nautilus PR#3493", "stories/peers/test_fills", "test_a_hands_position_whose_fills_come_late_is_counted_once"),
    (
        10,
        "nautilus PR#3493",
        "stories/peers/test_fills",
        "test_a_fill_that_comes_after_the_venues_word_was_taken_for_it_is_counted_once",
    ),
    (
        11,
        "nautilus#4215",
        "stories/peers/test_lost_orders",
        "test_a_retry_is_called_off_by_any_proof_that_the_first_request_arrived",
    ),
    (
        12,
        "freqtrade#11461",
        "stories/executor/test_leaving",
        "test_a_partial_exit_happens_once_however_often_it_is_asked_for",
    ),
    (13, "freqtrade#9674", "stories/executor/test_stops", "test_a_position_opened_by_hand_is_adopted_and_protected"),
    (13, "freqtrade#2836", "stories/executor/test_stops", "test_a_position_closed_by_hand_becomes_a_trade"),
    (
        13,
        "freqtrade#7606",
        "stories/executor/test_restarts",
        "test_what_the_position_did_while_we_were_dead_is_in_its_trade",
    ),
    (14, "freqtrade PR#6943", "stories/peers/test_lost_orders", "test_one_not_found_at_a_start_ends_no_order"),
    (
        14,
        "freqtrade PR#6943",
        "stories/peers/test_on_the_wire",
        "test_an_order_that_one_list_does_not_show_at_a_start_is_not_given_up",
    ),
    (
        15,
        "freqtrade#9128",
        "stories/peers/test_lost_orders",
        "test_a_cancel_that_was_acknowledged_is_not_a_cancelled_order",
    ),
    (15, "freqtrade#9128", "stories/peers/test_lost_orders", "test_a_cancel_whose_request_was_lost_is_asked_for_again"),
    (15, "freqtrade#9273", "stories/peers/test_on_the_wire", "test_a_cancel_whose_answer_is_lost_is_looked_up"),
    (
        16,
        "passivbot#980",
        "stories/executor/test_leaving",
        "test_a_new_entry_waits_until_no_earlier_request_can_arrive",
    ),
    (16, "passivbot#980", "stories/executor/test_stops", "test_a_stale_report_adopts_no_ghost"),
    (17, "passivbot#1323", "stories/peers/test_restarts", "test_a_position_dated_after_its_own_fill_is_still_led"),
    (
        18,
        "OctoBot#3190",
        "stories/peers/test_restarts",
        "test_a_killed_executors_position_has_its_stop_and_its_exit_from_the_next_one",
    ),
    (18, "OctoBot#3190", "stories/executor/test_stops", "test_a_stop_taken_off_by_hand_is_back_at_the_next_look"),
    (18, "jesse#371", "stories/peers/test_restarts", "test_a_start_closes_nothing"),
    (
        19,
        "LEAN.IB#249",
        "stories/peers/test_fills",
        "test_what_was_filled_while_the_stream_was_away_is_asked_for_when_it_is_back",
    ),
    (
        19,
        "LEAN.TradeStation#101",
        "stories/peers/test_fills",
        "test_a_frame_dropped_on_a_healthy_stream_is_missed_for_half_a_minute_at_most",
    ),
    (
        20,
        "banbot PR#178",
        "stories/executor/test_lost_answers",
        "test_a_request_that_never_arrived_is_sent_again_under_the_same_name",
    ),
    (
        20,
        "Vibe-Trading PR#1213",
        "stories/executor/test_gates",
        "test_every_order_is_in_the_ledger_before_its_request_leaves",
    ),
    (
        20,
        "Vibe-Trading PR#1221",
        "stories/executor/test_gates",
        "test_an_exit_that_may_still_arrive_keeps_a_flat_symbol_shut",
    ),
    (
        21,
        "freqtrade#8429",
        "stories/executor/test_stops",
        "test_a_stop_that_would_trigger_at_once_closes_the_position_now",
    ),
    (21, "freqtrade#9456", "stories/executor/test_stops", "test_a_stop_that_the_venue_refuses_closes_the_position_now"),
    (
        21,
        "freqtrade#8429",
        "stories/peers/test_on_the_wire",
        "test_a_stop_on_the_wrong_side_of_a_market_that_we_did_not_see_closes_the_position",
    ),
    (
        22,
        "freqtrade#8374",
        "stories/peers/test_stops",
        "test_a_stop_that_was_filled_in_part_guards_the_rest_with_its_whole_size",
    ),
    (
        22,
        "freqtrade#8526",
        "stories/peers/test_stops",
        "test_a_stop_that_was_filled_in_part_guards_the_rest_with_its_whole_size",
    ),
    (22, "freqtrade#8169", "stories/peers/test_stops", "test_a_partial_exit_takes_no_stop_away"),
    (
        23,
        "freqtrade#9629",
        "stories/peers/test_stops",
        "test_a_stop_that_could_not_be_moved_leaves_the_old_one_and_the_position",
    ),
    (24, "hummingbot#7611", "stories/executor/test_leaving", "test_a_close_is_reduce_only_and_asked_for_once"),
    (25, "nautilus#4937", "stories/executor/test_lost_answers", "test_funding_among_the_executions_is_no_fill"),
    (
        25,
        "ccxt#17244",
        "stories/peers/test_on_the_wire",
        "test_funding_that_comes_among_the_executions_changes_no_quantity",
    ),
    (26, "nautilus#3836", "unit/common/test_ccxt_trading", "test_what_a_row_may_leave_out_kills_no_report"),
    (26, "nautilus#3836", "unit/common/test_ccxt_trading", "test_money_that_a_row_leaves_out_is_an_error_and_no_zero"),
    (27, "ccxt#27863", "stories/executor/test_lost_answers", "test_frames_that_come_twice_count_once"),
    (27, "ccxt#27863", "stories/peers/test_on_the_wire", "test_frames_that_come_twice_late_or_never_make_one_trade"),
    (
        28,
        "pybit#175",
        "unit/fetcher/test_candles",
        "test_the_last_candle_of_an_answer_is_closed_when_its_time_is_over_in_the_market",
    ),
    (
        28,
        "pybit#175",
        "stories/peers/test_on_the_wire",
        "test_the_candle_that_is_still_forming_is_taken_for_no_closed_one",
    ),
    (
        28,
        "pybit#175",
        "unit/fetcher/test_catch_up",
        "test_a_candle_that_closes_while_the_answer_is_on_its_way_is_not_closed_in_the_answer",
    ),
    (
        29,
        "ccxt#24981",
        "contract/exchange/test_paper_with_our_adapter",
        "test_a_clock_that_is_wrong_is_measured_and_every_request_dated_right",
    ),
    (
        29,
        "ccxt#14870",
        "unit/common/test_ccxt_trading",
        "test_a_write_is_dated_with_its_stamp_and_signed_over_the_raw_body",
    ),
    (30, "freqtrade#10708", "unit/common/test_ccxt_trading", "test_an_order_is_looked_for_in_the_history_too"),
    (30, "freqtrade#10708", "stories/peers/test_on_the_wire", "test_an_order_is_found_behind_five_hundred_later_ones"),
    (
        39,
        "freqtrade#11725",
        "stories/test_stale_symbols",
        "test_flat_symbols_that_nobody_answers_for_never_delay_a_held_one",
    ),
    (
        39,
        "freqtrade#7588",
        "stories/test_stale_symbols",
        "test_flat_symbols_that_nobody_answers_for_never_delay_a_held_one",
    ),
    (39, "freqtrade#11725", "unit/fetcher/test_freshness", "test_a_candle_that_was_given_up_leaves_its_series_late"),
)


@pytest.mark.parametrize(("number", "issue", "module", "name"), REGISTER)
def test_a_failure_that_is_registered_has_a_story_that_names_it(
    number: int, issue: str, module: str, name: str
) -> None:
    tree = ast.parse((TESTS / f"{module}.py").read_text())
    functions = (node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    told = {node.name: ast.get_docstring(node) or "" for node in functions}
    assert name in told, f"failure {number}: {module} has no {name}"
    assert re.search(rf"{re.escape(issue)}\b", told[name]), f"failure {number}: {name} does not name {issue}"


def test_every_failure_has_a_story() -> None:
    assert {number for number, *_ in REGISTER} == set(FAILURES)
