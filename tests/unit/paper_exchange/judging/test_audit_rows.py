from decimal import Decimal as D

import pytest
from pydantic import JsonValue, TypeAdapter, ValidationError

from services.paper_exchange.core.judging.audit_rows import (
    AuditFill,
    AuditNaked,
    AuditOrder,
    AuditRequest,
    read_audit,
    read_trades,
)

Json = dict[str, JsonValue]
FILL: Json = {
    "execId": "e1",
    "orderId": "o1",
    "orderLinkId": "ika-BTCUSDT-1-e",
    "symbol": "BTCUSDT",
    "side": "Buy",
    "qty": "0.1",
    "price": "100.10",
    "fee": "0.0055055",
    "execType": "Trade",
    "grossPnl": "0",
    "time": 5,
    "wall": 9,
}
TRADE: Json = {
    "trade_id": "t",
    "symbol": "BTCUSDT",
    "gross": "0.1",
    "fees": "0.2",
    "funding": "-0.3",
    "pnl_usd": "0.2",
    "closed_at": 7,
    "postmortem": None,
}


LATER: Json = {"status": "Filled", "time": 5, "wall": 9}


def empty_audit(**rows: JsonValue) -> Json:
    wallet: Json = {"start": "500", "balance": "500", "realised": "0", "fees": "0", "funding": "0", "equity": "500"}
    lists: Json = {name: [] for name in ("orders", "requests", "fills", "funding", "positions", "naked")}
    return {**lists, "wallet": wallet, "open": {"positions": 0, "most_positions": 2}, **rows}


def test_numbers_are_exact_and_unknown_fields_are_ignored() -> None:
    (fill,) = read_audit(empty_audit(fills=[FILL])).fills
    assert (fill.qty, fill.price, fill.fee, fill.time) == (D("0.1"), D("100.10"), D("0.0055055"), 5)


@pytest.mark.parametrize(("side", "signed"), [("Buy", "0.1"), ("Sell", "-0.1")])
def test_a_sale_counts_down(side: str, signed: str) -> None:
    assert TypeAdapter(AuditFill).validate_python({**FILL, "side": side}).signed == D(signed)


@pytest.mark.parametrize(("link", "ours"), [("ika-BTCUSDT-1-e", True), ("ika-BTCUSDT-01-e", False), ("", False)])
def test_whose_an_order_is_stands_in_its_id(link: str, ours: bool) -> None:
    order = {"orderId": "o", "orderLinkId": link, "symbol": "BTCUSDT", "qty": "1", "cumExecQty": "1"}
    assert TypeAdapter(AuditOrder).validate_python({**order, "reduceOnly": False, **LATER}).ours is ours
    assert TypeAdapter(AuditFill).validate_python({**FILL, "orderLinkId": link}).ours is ours


def test_a_naked_spell_keeps_the_words_of_the_interface() -> None:
    spell = TypeAdapter(AuditNaked).validate_python(
        {"symbol": "B", "from": 3, "to": None, "market_ms": 1, "up_ms": 2, "more": 1}
    )
    assert (spell.since, spell.until) == (3, None)


def test_the_most_positions_ever_open_are_read_with_the_rest() -> None:
    audit = read_audit(empty_audit())
    assert (audit.open.most_positions, audit.wallet.start) == (2, D(500))


@pytest.mark.parametrize("lost", ["orders", "requests", "fills", "funding", "positions", "naked", "wallet", "open"])
def test_an_audit_without_a_part_is_none(lost: str) -> None:
    body = empty_audit()
    del body[lost]
    with pytest.raises(ValidationError, match=lost):
        read_audit(body)


def test_a_fill_without_a_readable_number_is_an_error() -> None:
    with pytest.raises(ValueError, match="grossPnl"):
        read_audit(empty_audit(fills=[{**FILL, "grossPnl": "much"}]))


def test_a_trade_is_read_with_what_it_must_agree_on() -> None:
    (trade,) = read_trades([TRADE])
    assert (trade.gross - trade.fees - trade.funding, trade.pnl_usd) == (D("0.2"), D("0.2"))
    with pytest.raises(ValueError, match="closed_at"):
        read_trades([{**TRADE, "closed_at": "yesterday"}])


@pytest.mark.parametrize(
    ("link", "entry"),
    [("ika-BTCUSDT-1-e", True), ("ika-BTCUSDT-1-x1", False), ("ika-BTCUSDT-1-p1a1", False), ("", False)],
)
def test_what_an_order_is_for_stands_in_its_id(link: str, entry: bool) -> None:
    order = {"orderId": "o", "orderLinkId": link, "symbol": "BTCUSDT", "qty": "1", "cumExecQty": "1"}
    assert TypeAdapter(AuditOrder).validate_python({**order, "reduceOnly": False, **LATER}).is_entry is entry


@pytest.mark.parametrize(("status", "is_open"), [("New", True), ("Untriggered", True), ("Filled", False)])
def test_an_order_is_open_until_it_is_done_for_ever(status: str, is_open: bool) -> None:
    order = {"orderId": "o", "orderLinkId": "", "symbol": "B", "qty": "1", "cumExecQty": "1", "reduceOnly": False}
    assert TypeAdapter(AuditOrder).validate_python({**order, **LATER, "status": status}).is_open is is_open


@pytest.mark.parametrize(
    ("path", "code", "created"),
    [("/v5/order/create", 0, True), ("/v5/order/create", 110007, False), ("/v5/order/cancel", 0, False)],
)
def test_only_an_accepted_creation_made_an_order(path: str, code: int, created: bool) -> None:
    row = {"path": path, "orderLinkId": "", "retCode": code, "wall": 1}
    assert TypeAdapter(AuditRequest).validate_python(row).created is created


@pytest.mark.parametrize(("row", "key"), [({}, ("B", 0)), ({"positionIdx": 2}, ("B", 2))])
def test_a_symbol_has_one_position_or_two(row: Json, key: tuple[str, int]) -> None:
    spell = {"symbol": "B", "from": 3, "to": None, "market_ms": 1, "up_ms": 2}
    assert TypeAdapter(AuditNaked).validate_python({**spell, **row}).key == key
