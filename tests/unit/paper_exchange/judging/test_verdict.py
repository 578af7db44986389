import pytest
from pydantic import JsonValue

from services.paper_exchange.core.judging.verdict import Verdict, judge
from tests.support.audits import BTC, EXIT, OURS, SECOND, Row, audit, fill, order, position, request, spell, wallet

TRADE: Row = {"trade_id": OURS, "symbol": BTC, "gross": "-10", "fees": "0.2", "funding": "0.01", "pnl_usd": "-10.21"}
TRADE["closed_at"] = 2_000


def judged(**changes: JsonValue) -> Verdict:
    return judge(audit(**changes), max_positions=1, trades=[TRADE], postmortems=[OURS])


def broken(verdict: Verdict) -> list[str]:
    return [rule.name for rule in verdict.rules if rule.violations]


def test_whole_books_hold_and_say_what_was_looked_at() -> None:
    verdict = judged()
    assert verdict.holds
    assert verdict.violations == ()
    assert len(verdict.lines) == 13
    assert all(line.startswith("ok") for line in verdict.lines)


GROWN: Row = {
    "orders": [order(1, OURS), order(3, SECOND, time=1_500), order(2, EXIT, "2", reduceOnly=True)],
    "fills": [fill(1, "Buy", OURS), fill(3, "Buy", SECOND, time=1_500), fill(2, "Sell", EXIT, "2", gross="-20")],
    "wallet": wallet(realised="-20", fees="0.3", balance="979.69"),
}


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("no signal entered twice", GROWN),
        ("never too many positions", {"open": {"positions": 0, "most_positions": 2}}),
        (
            "no stop ever loosened",
            {"positions": [position("Buy", "1", "87"), position("Buy", "1", "85"), position("", "0", "", 2_000)]},
        ),
        (
            "no position naked",
            {"positions": [position("Buy", "1", ""), position("", "0", "", 2_000)], "naked": [spell(1_000, 2_000, 9)]},
        ),
        ("spells without a stop as listed", {"naked": [spell(1_200, 1_300, 9)]}),
        ("wallet = start + gross - fees - funding", {"wallet": wallet(balance="989.8")}),
        ("position = sum of its fills", {"positions": [position("Buy", "1", "85")]}),
        ("reduce-only never opened", {"orders": [order(1, OURS, reduceOnly=True), order(2, EXIT)]}),
        ("filled as told, and never more than ordered", {"orders": [order(1, OURS, "2"), order(2, EXIT)]}),
        ("every order id used once", {"requests": [request(1, OURS), request(2, OURS)]}),
    ],
)
def test_a_breach_of_one_promise_is_found_by_its_rule(rule: str, changes: Row) -> None:
    trades: list[JsonValue] = (
        [{**TRADE, "gross": "-20", "fees": "0.3", "pnl_usd": "-20.31"}] if changes is GROWN else [TRADE]
    )
    verdict = judge(audit(**changes), max_positions=1, trades=trades, postmortems=[OURS])
    assert broken(verdict) == [rule]
    assert not verdict.holds
    assert len([line for line in verdict.lines if line.startswith("FAIL")]) == 1


def test_a_profit_that_the_prices_do_not_make_is_found() -> None:
    fills: list[JsonValue] = [fill(1, "Buy", OURS), fill(2, "Sell", EXIT, gross="-9")]
    told = judge(audit(fills=fills, wallet=wallet(realised="-9", balance="990.79")), max_positions=1)
    assert broken(told) == ["gross = sold for less bought for"]


def test_books_alone_are_judged_without_ledger_and_reports() -> None:
    assert len(judge(audit(), max_positions=1).rules) == 11
    assert broken(judge(audit(), max_positions=1, trades=[])) == ["trades = round trips in gross, fees and funding"]
    assert broken(judge(audit(), max_positions=1, postmortems=[])) == ["one post-mortem for every losing trade"]


def test_what_is_no_audit_is_an_error() -> None:
    with pytest.raises(ValueError, match="fills"):
        judge({"orders": []}, max_positions=1)
