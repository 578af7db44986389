"""Positions as ledger and venue have them, for tests of reconciliation and recovery."""

from decimal import Decimal
from typing import Any

from libs.common.contracts.positions import OpenPosition
from libs.common.exchange.trading_types import VenuePosition
from libs.common.units import Fraction, Instant, Price, Qty, Side, Symbol, Usd
from tests.support import builders

BTC = Symbol("BTCUSDT")


def held(symbol: Symbol = BTC, side: Side = Side.LONG, qty: str = "1", entry: str = "100") -> OpenPosition:
    return builders.open_position(symbol=symbol, side=side, qty=Qty(Decimal(qty)), entry=Price(Decimal(entry)))


def at_venue(
    symbol: Symbol = BTC, side: Side = Side.LONG, qty: str = "1", entry: str = "100", **said: Any
) -> VenuePosition:
    fields: dict[str, Any] = {
        "symbol": symbol,
        "side": side,
        "qty": Qty(Decimal(qty)),
        "entry": Price(Decimal(entry)),
        "mark": Price(Decimal(entry)),
        "stop": Price(Decimal(90)),
        "leverage": Fraction(Decimal(5)),
        "margin": Usd(Decimal(20)),
        "liquidation": None,
        "unrealised": Usd(Decimal(0)),
        "hedge_index": 0,
        "created_at": Instant(0),
        "updated_at": Instant(0),
    }
    return VenuePosition(**fields | said)
