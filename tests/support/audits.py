"""Audits as the exchange gives them, small enough to break one thing of."""

from pydantic import JsonValue

from services.paper_exchange.core.judging.audit_rows import Audit, read_audit
from services.paper_exchange.core.judging.round_trips import Walk, walk
from services.paper_exchange.core.judging.rule import Rule

OURS, SECOND, EXIT, OTHER = "ika-BTCUSDT-1-e", "ika-BTCUSDT-2-e", "ika-BTCUSDT-1-x1", "somebody"
BTC = "BTCUSDT"
Row = dict[str, JsonValue]


def order(number: int, link: str = "", qty: str = "1", **changes: JsonValue) -> Row:
    """A market order filled at second `number`, wall millisecond `number`."""
    usual: Row = {
        "orderId": f"o{number}",
        "orderLinkId": link,
        "symbol": BTC,
        "qty": qty,
        "cumExecQty": qty,
        "reduceOnly": False,
        "status": "Filled",
        "time": number * 1_000,
        "wall": number,
    }
    return {**usual, **changes}


def unfilled(number: int, link: str, *, status: str = "Cancelled", until: int | None = None) -> Row:
    """An order of which nothing was filled, and which changed last at wall `until`."""
    return order(number, link, cumExecQty="0", status=status, wall=number if until is None else until)


def request(number: int, link: str, **changes: JsonValue) -> Row:
    usual: Row = {"method": "POST", "path": "/v5/order/create", "symbol": BTC, "orderLinkId": link, "retCode": 0}
    return {**usual, "wall": number, **changes}


def fill(number: int, side: str, link: str = "", qty: str = "1", gross: str = "0", **changes: JsonValue) -> Row:
    """A fill of order `number`, at second `number`."""
    usual: Row = {
        "execId": f"e{number}",
        "orderId": f"o{number}",
        "orderLinkId": link,
        "symbol": BTC,
        "side": side,
        "qty": qty,
        "price": "100" if side == "Buy" else "90",
        "fee": "0.1",
        "execType": "Trade",
        "grossPnl": gross,
        "time": number * 1_000,
        "wall": number,
    }
    return {**usual, **changes}


def position(side: str, size: str, stop: str, time: int = 1_000, **changes: JsonValue) -> Row:
    usual: Row = {"symbol": BTC, "side": side, "size": size, "entry": "100", "stop": stop, "time": time, "wall": time}
    return {**usual, **changes}


def spell(since: int, until: int | None, up_ms: int, **changes: JsonValue) -> Row:
    usual: Row = {"symbol": BTC, "from": since, "to": until, "market_ms": (until or since) - since, "up_ms": up_ms}
    return {**usual, **changes}


def wallet(**changes: JsonValue) -> Row:
    usual: Row = {"start": "1000", "balance": "989.79", "equity": "989.79", "realised": "-10"}
    return {**usual, "fees": "0.2", "funding": "0.01", **changes}


def audit(**changes: JsonValue) -> Row:
    """One losing round trip of ours: bought at 100, funded, sold at 90."""
    rows: Row = {
        "orders": [order(1, OURS), order(2, EXIT, reduceOnly=True)],
        "requests": [request(1, OURS), request(2, EXIT)],
        "fills": [fill(1, "Buy", OURS), fill(2, "Sell", EXIT, gross="-10")],
        "funding": [{"symbol": BTC, "rate": "0.0001", "amount": "0.01", "time": 1_500}],
        "positions": [position("Buy", "1", "85"), position("Buy", "1", "87"), position("", "0", "", 2_000)],
        "naked": [],
        "wallet": wallet(),
        "open": {"positions": 0, "most_positions": 1},
        "next": None,
    }
    return {**rows, **changes}


def books(**changes: JsonValue) -> tuple[Audit, Walk]:
    """The same as a judge reads it."""
    read = read_audit(audit(**changes))
    return read, walk(read.fills, read.funding)


def holds(rule: Rule) -> bool:
    return not rule.violations
