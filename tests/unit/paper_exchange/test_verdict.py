from decimal import Decimal

import pytest
from pydantic import JsonValue

from services.paper_exchange.core.verdict import Verdict, judge

OURS, EXIT, OTHER = "ika-BTCUSDT-1-e", "ika-BTCUSDT-1-x1", "somebody"
Row = dict[str, JsonValue]


def order(number: int, link: str = "", qty: str = "1", *, reduce_only: bool = False) -> Row:
    return {
        "orderId": f"o{number}",
        "orderLinkId": link,
        "symbol": "BTCUSDT",
        "qty": qty,
        "cumExecQty": qty,
        "reduceOnly": reduce_only,
        "status": "Filled",
    }


def fill(number: int, side: str, *, link: str = "", qty: str = "1", gross: str = "0", time: int = 0) -> Row:
    return {
        "execId": f"e{number}",
        "orderId": f"o{number}",
        "orderLinkId": link,
        "symbol": "BTCUSDT",
        "side": side,
        "qty": qty,
        "price": "100",
        "fee": "0.1",
        "execType": "Trade",
        "grossPnl": gross,
        "time": time or number * 1_000,
        "wall": number,
    }


def position(side: str, size: str, stop: str, time: int = 1_000) -> Row:
    return {"symbol": "BTCUSDT", "side": side, "size": size, "entry": "100", "stop": stop, "time": time, "wall": 1}


def audit(**changes: JsonValue) -> Row:
    """One losing round trip of ours: bought, funded, sold ten lower."""
    rows: Row = {
        "orders": [order(1, OURS), order(2, EXIT, reduce_only=True)],
        "requests": [],
        "fills": [fill(1, "Buy", link=OURS), fill(2, "Sell", link=EXIT, gross="-10")],
        "funding": [{"symbol": "BTCUSDT", "rate": "0.0001", "amount": "0.01", "time": 1_500}],
        "positions": [position("Buy", "1", "95"), position("Buy", "1", "97"), position("", "0", "", 2_000)],
        "naked": [],
        "wallet": {
            "start": "1000",
            "balance": "989.79",
            "equity": "989.79",
            "realised": "-10",
            "fees": "0.2",
            "funding": "0.01",
        },
        "open": {"positions": 0, "most_positions": 1},
    }
    return {**rows, **changes}


def judged(**changes: JsonValue) -> Verdict:
    return judge(audit(**changes), max_positions=5)


def broken(verdict: Verdict) -> list[str]:
    return [rule.name for rule in verdict.rules if rule.violations]


def test_whole_books_hold_and_say_what_was_looked_at() -> None:
    verdict = judged()
    assert verdict.holds
    assert verdict.violations == ()
    assert all(line.startswith("ok") for line in verdict.lines)


def test_a_second_entry_of_ours_between_flat_and_flat_is_a_signal_entered_twice() -> None:
    second = "ika-BTCUSDT-2-e"
    verdict = judged(
        orders=[order(1, OURS), order(2, second), order(3, EXIT, "2", reduce_only=True)],
        fills=[
            fill(1, "Buy", link=OURS),
            fill(2, "Buy", link=second),
            fill(3, "Sell", link=EXIT, qty="2", gross="-10"),
        ],
        wallet={"start": "1000", "balance": "989.69", "realised": "-10", "fees": "0.3", "funding": "0.01"},
    )
    assert broken(verdict) == ["no signal entered twice"]


def test_somebody_elses_second_order_is_no_signal_of_ours() -> None:
    verdict = judged(
        orders=[order(1, OURS), order(2, OTHER), order(3, EXIT, "2", reduce_only=True)],
        fills=[
            fill(1, "Buy", link=OURS),
            fill(2, "Buy", link=OTHER),
            fill(3, "Sell", link=EXIT, qty="2", gross="-10"),
        ],
        wallet={"start": "1000", "balance": "989.69", "realised": "-10", "fees": "0.3", "funding": "0.01"},
    )
    assert verdict.holds


def test_more_positions_than_allowed_are_counted_from_the_fills() -> None:
    verdict = judge(audit(), max_positions=0)
    assert broken(verdict) == ["never too many positions"]


@pytest.mark.parametrize(
    ("side", "stops", "loosened"),
    [
        ("Buy", ["95", "97"], False),
        ("Buy", ["97", "95"], True),
        ("Sell", ["105", "103"], False),
        ("Sell", ["103", "105"], True),
        ("Buy", ["97", "", "97"], False),
        ("Buy", ["97", "", "96"], True),
    ],
)
def test_a_stop_that_ever_gave_ground_back_is_found(side: str, stops: list[str], loosened: bool) -> None:
    rows: list[JsonValue] = [position(side, "1", stop) for stop in stops]
    verdict = judged(positions=[*rows, position("", "0", "", 2_000)])
    assert ("no stop ever loosened" in broken(verdict)) is loosened


def test_the_next_position_may_have_a_wider_stop() -> None:
    flat = position("", "0", "", 2_000)
    assert judged(positions=[position("Buy", "1", "97"), flat, position("Buy", "1", "90"), flat]).holds


@pytest.mark.parametrize(
    ("since", "up_ms", "naked"),
    [(1_000, 1, True), (1_200, 1_999, False), (1_200, 2_001, True)],
    ids=["ours from its first fill", "lost and back in time", "lost for too long"],
)
def test_a_naked_position_is_found(since: int, up_ms: int, naked: bool) -> None:
    spell: Row = {"symbol": "BTCUSDT", "from": since, "to": since + 10, "market_ms": 10, "up_ms": up_ms}
    assert (broken(judged(naked=[spell])) == ["no position naked"]) is naked


@pytest.mark.parametrize("name", ["balance", "realised", "fees", "funding"])
def test_a_wallet_that_does_not_add_up_is_found(name: str) -> None:
    wallet = {"start": "1000", "balance": "989.79", "realised": "-10", "fees": "0.2", "funding": "0.01"}
    assert broken(judged(wallet={**wallet, name: str(Decimal(wallet[name]) + Decimal("1e-8"))})) == [
        "wallet = start + gross - fees - funding"
    ]


def test_a_position_other_than_its_fills_is_found() -> None:
    assert broken(judged(positions=[position("Buy", "1", "95")])) == ["position = sum of its fills"]


def test_a_reduce_only_order_that_opened_is_found() -> None:
    verdict = judged(orders=[order(1, OURS, reduce_only=True), order(2, EXIT)])
    assert broken(verdict) == ["reduce-only never opened"]


def test_an_order_that_says_other_than_its_fills_is_found() -> None:
    verdict = judged(orders=[{**order(1, OURS), "cumExecQty": "0.5"}, order(2, EXIT)])
    assert broken(verdict) == ["filled as told, and never more than ordered"]


def test_an_order_id_used_twice_is_found() -> None:
    verdict = judged(orders=[order(1, OURS), order(2, OURS)])
    assert broken(verdict) == ["every order id used once"]


def trade(**changes: JsonValue) -> Row:
    told: Row = {
        "trade_id": OURS,
        "symbol": "BTCUSDT",
        "gross": "-10",
        "fees": "0.2",
        "funding": "0.01",
        "pnl_usd": "-10.21",
        "closed_at": 2_000,
    }
    return {**told, **changes}


def test_the_ledgers_trades_must_be_the_round_trips() -> None:
    assert judge(audit(), max_positions=1, trades=[trade()]).holds
    for wrong in (
        [],
        [trade(), trade()],
        [trade(gross="-9")],
        [trade(fees="0.1")],
        [trade(funding="0")],
        [trade(pnl_usd="-10")],
        [trade(closed_at=2_001)],
    ):
        verdict = judge(audit(), max_positions=1, trades=[*wrong])
        assert broken(verdict) == ["trades = round trips in gross, fees and funding"]


@pytest.mark.parametrize(("reports", "holds"), [([OURS], True), ([], False), ([OURS, OURS], False), (["x"], False)])
def test_every_losing_trade_has_one_post_mortem_and_no_other_trade_has_any(reports: list[str], holds: bool) -> None:
    assert judge(audit(), max_positions=1, trades=[trade()], postmortems=reports).holds is holds


def test_what_is_no_audit_is_an_error() -> None:
    with pytest.raises(ValueError, match="fills"):
        judge({"orders": []}, max_positions=1)
