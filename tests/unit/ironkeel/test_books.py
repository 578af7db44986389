import json
from typing import Any

from ironkeel.local.books import books_of

AUDIT: dict[str, Any] = {
    "orders": [{"orderId": "o1", "qty": "1", "time": 5, "wall": 1_000}],
    "requests": [{"path": "/v5/order/create", "wall": 1_000}],
    "fills": [{"execId": "e1", "price": "2.50", "time": 5, "wall": 1_001}],
    "funding": [],
    "positions": [{"symbol": "AUSDT", "size": "1", "time": 5, "wall": 1_002}],
    "wallet": {"start": "500", "balance": "501.25"},
    "open": {"positions": 1, "most_positions": 1},
    "next": None,
}
LISTED: dict[str, Any] = {
    "trades": [{"trade_id": "t2", "id": "trade.closed-2", "pnl_usd": "-0.30"}, {"trade_id": "t1", "pnl_usd": "1.55"}],
    "intents": [{"link_id": "t1", "sent_at": 1_000, "touched_at": 1_001, "looks": 1, "at": 5}],
    "declined": [{"id": 7, "signal_id": "s1", "at": 5}],
}


def later(told: Any) -> Any:
    """The same rows as another run would tell them, at another time of the wall."""
    if isinstance(told, dict):
        return {k: v + 77 if k in ("wall", "sent_at", "touched_at") else later(v) for k, v in told.items()}
    return [later(row) for row in told] if isinstance(told, list) else told


def test_the_same_run_at_another_time_has_the_same_bytes() -> None:
    first, second = (
        books_of(AUDIT, LISTED, [{"trade_id": "t2"}]),
        books_of(later(AUDIT), later(LISTED), [{"trade_id": "t2"}]),
    )
    assert first.document == second.document
    assert first.digest == second.digest


def test_one_other_price_is_another_document() -> None:
    other = {**AUDIT, "fills": [{**AUDIT["fills"][0], "price": "2.51"}]}
    assert books_of(other, LISTED, []).digest != books_of(AUDIT, LISTED, []).digest


def test_the_order_of_events_and_the_spelling_of_money_are_kept() -> None:
    told = json.loads(books_of(AUDIT, LISTED, []).document)
    assert told["exchange"]["fills"] == [{"execId": "e1", "price": "2.50", "time": 5}]
    assert [trade["trade_id"] for trade in told["executor"]["trades"]] == ["t2", "t1"]
    assert told["executor"]["trades"][0]["id"] == "trade.closed-2"
    assert told["executor"]["declined"] == [{"signal_id": "s1", "at": 5}]
    assert "requests" not in told["exchange"]


def test_the_summary_counts_fills_and_trades_and_adds_up_the_result() -> None:
    books = books_of(AUDIT, LISTED, [])
    assert (books.fills, books.trades, str(books.pnl)) == (1, 2, "1.25")
