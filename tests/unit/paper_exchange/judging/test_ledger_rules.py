import pytest
from pydantic import JsonValue

from services.paper_exchange.core.judging.audit_rows import read_trades
from services.paper_exchange.core.judging.ledger_rules import losses_explained, trades_agree
from tests.support.audits import BTC, EXIT, OURS, Row, books, fill, holds


def trade(**changes: JsonValue) -> Row:
    told: Row = {"trade_id": OURS, "symbol": BTC, "gross": "-10", "fees": "0.2", "funding": "0.01"}
    return {**told, "pnl_usd": "-10.21", "closed_at": 2_000, **changes}


def agrees(*trades: Row, **changes: JsonValue) -> bool:
    return holds(trades_agree(read_trades([*trades]), books(**changes)[1].trips))


def test_the_ledgers_trades_are_the_round_trips() -> None:
    assert agrees(trade())


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        [trade(), trade()],
        [trade(gross="-9")],
        [trade(fees="0.1")],
        [trade(funding="0")],
        [trade(pnl_usd="-10")],
        [trade(closed_at=2_001)],
        [trade(symbol="ETHUSDT")],
    ],
)
def test_a_ledger_that_says_other_than_the_exchange_is_found(wrong: list[Row]) -> None:
    assert not agrees(*wrong)


def test_an_open_position_is_no_trade_yet() -> None:
    assert agrees(fills=[fill(1, "Buy", OURS)])


def test_trades_of_one_symbol_that_ended_in_one_instant_are_compared_each_with_its_own() -> None:
    fills: list[JsonValue] = [
        fill(1, "Buy", OURS, positionIdx=1),
        fill(2, "Sell", OURS, positionIdx=2, time=1_000),
        fill(3, "Sell", EXIT, positionIdx=1, gross="-10", time=2_000),
        fill(4, "Buy", EXIT, positionIdx=2, gross="-10", time=2_000, fee="0.3"),
    ]
    short = trade(fees="0.4", funding="0", pnl_usd="-10.4")
    long = trade(funding="0", pnl_usd="-10.2")
    assert agrees(short, long, fills=fills)
    assert not agrees(short, short, fills=fills)


@pytest.mark.parametrize(
    ("reports", "kept"), [([OURS], True), ([], False), ([OURS, OURS], False), (["x"], False), ([OURS, "x"], False)]
)
def test_every_losing_trade_has_one_post_mortem_and_no_other_trade_has_any(reports: list[str], kept: bool) -> None:
    assert holds(losses_explained(read_trades([trade()]), [], reports)) is kept


@pytest.mark.parametrize(("reports", "kept"), [([], False), (["any"], True), (["one", "two"], False)])
def test_without_a_ledger_reports_are_counted_against_losing_round_trips(reports: list[str], kept: bool) -> None:
    assert holds(losses_explained(None, books()[1].trips, reports)) is kept


def test_a_trade_that_won_needs_no_report() -> None:
    assert holds(losses_explained(read_trades([trade(pnl_usd="0.1")]), [], []))
