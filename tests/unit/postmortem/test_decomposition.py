from decimal import Decimal as D

from libs.common.contracts.postmortems import Decomposition
from libs.common.contracts.trades import CloseReason
from libs.common.units import Side
from services.postmortem.core.decomposition import decompose, is_unexplained
from tests.support.trades import decision, leave, trade


def figures(parts: Decomposition) -> list[D]:
    """Direction, entry slippage, management, exit slippage, fees, funding, residue."""
    return [D(value) for _, value in parts]


def told(*numbers: str) -> list[D]:
    return [D(number) for number in numbers]


def test_a_stop_exit_is_split_at_the_price_decided_on_and_the_stop() -> None:
    lost = trade(entry="100.2", exit_price="97.5", decided=decision(price="100"), fees="0.11", funding="0.02")
    assert figures(decompose(lost)) == told("-2", "-0.2", "0", "-0.5", "-0.11", "-0.02", "0")


def test_a_short_is_split_in_its_own_direction() -> None:
    lost = trade(side=Side.SHORT, entry="99.9", exit_price="102.3", last_stop="102", decided=decision(price="100"))
    assert figures(decompose(lost)) == told("-2", "-0.1", "0", "-0.3", "-0.1", "0", "0")


def test_earlier_exits_are_measured_against_the_trigger_of_the_last() -> None:
    exits = (leave("0.5", "98", hours=3), leave("0.5", "102", hours=1))
    assert figures(decompose(trade(exits=exits, exit_price="100"))) == told("-2", "0", "2", "0", "-0.1", "0", "0")


def test_an_exit_without_a_stop_has_no_slippage_of_its_own() -> None:
    by_hand = decompose(trade(close_reason=CloseReason.MANUAL, exit_price="97"))
    unknown = decompose(trade(last_stop=None, exit_price="97"))
    assert figures(by_hand) == figures(unknown) == told("-3", "0", "0", "0", "-0.1", "0", "0")


def test_an_adopted_trade_was_decided_on_at_its_entry() -> None:
    assert figures(decompose(trade(adopted=True))) == told("-2", "0", "0", "0", "-0.1", "0", "0")


def test_a_trade_without_any_fill_told_is_one_exit_at_its_exit_price() -> None:
    lost = trade(exits=(), exit_price="98", gross="-2", close_reason=CloseReason.LIQUIDATION)
    assert figures(decompose(lost)) == told("-2", "0", "0", "0", "-0.1", "0", "0")


def test_a_result_that_the_fills_do_not_explain_is_left_over() -> None:
    parts = decompose(trade(gross="-2.5"))
    assert parts.residue == D("-0.5")
    assert is_unexplained(parts)


def test_what_rounded_averages_leave_over_counts_as_direction() -> None:
    parts = decompose(trade(gross="-2.0099"))
    assert (parts.direction, parts.residue) == (D("-2.0099"), D(0))
    assert not is_unexplained(parts)


def test_nothing_has_one_spelling() -> None:
    parts = decompose(trade(entry="100.00000000", funding="0E-8"))
    assert [str(value) for name, value in parts if name not in {"direction", "fees"}] == ["0"] * 5
