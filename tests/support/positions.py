"""Made positions and prices, as the executor and the fetcher would tell of them."""

from decimal import Decimal

from libs.common.contracts.market import PriceMoved
from libs.common.contracts.positions import (
    OpenPosition,
    PositionChanged,
    PositionClosed,
    PositionOpened,
    PositionSnapshot,
)
from libs.common.units import Fraction, Instant, Price, Qty, Side, Symbol, Usd

BTC = Symbol("BTCUSDT")
OPENED_AT = Instant(1_757_894_400_000)


def price_of(number: str | int | Decimal) -> Price:
    return Price(Decimal(number))


def open_position(
    *,
    position_id: str = "ika-BTCUSDT-h2k1-e",
    symbol: Symbol = BTC,
    side: Side = Side.LONG,
    entry: str = "100",
    stop: str | None = "98",
    initial_stop: str | None = "98",
    version: int = 1,
    atr: str | None = None,
    opened_at: Instant = OPENED_AT,
) -> OpenPosition:
    return OpenPosition(
        position_id=position_id,
        symbol=symbol,
        side=side,
        qty=Qty(Decimal(1)),
        entry=price_of(entry),
        stop=None if stop is None else price_of(stop),
        initial_stop=None if initial_stop is None else price_of(initial_stop),
        version=version,
        leverage=Fraction(Decimal(5)),
        margin=Usd(Decimal(20)),
        opened_at=opened_at,
        atr=None if atr is None else price_of(atr),
        decision=None,
    )


def opened(position: OpenPosition, *, at: Instant | None = None) -> PositionOpened:
    at = position.opened_at if at is None else at
    return PositionOpened(id=f"opened-{position.position_id}", cause="", trace="candle-1", at=at, position=position)


def changed(position: OpenPosition, *, at: Instant | None = None) -> PositionChanged:
    return PositionChanged(
        id=f"changed-{position.position_id}-{position.version}",
        cause="",
        trace="candle-1",
        at=position.opened_at if at is None else at,
        position=position,
        reason="stop",
    )


def closed(position: OpenPosition, *, at: Instant | None = None) -> PositionClosed:
    return PositionClosed(
        id=f"closed-{position.position_id}",
        cause="",
        trace="candle-1",
        at=position.opened_at if at is None else at,
        position_id=position.position_id,
        symbol=position.symbol,
        side=position.side,
        version=position.version + 1,
    )


def snapshot(*positions: OpenPosition, at: Instant = OPENED_AT, sent: Instant = Instant(0)) -> PositionSnapshot:
    return PositionSnapshot(id=f"snapshot-{at}-{sent}", cause="", trace="", at=at, sent=sent, positions=positions)


def priced(price: str | int | Decimal, *, at: Instant = OPENED_AT, symbol: Symbol = BTC) -> PriceMoved:
    return PriceMoved(
        id=f"price-{symbol}-{at}-{price}",
        cause="",
        trace="",
        at=at,
        symbol=symbol,
        last=price_of(price),
        mark=price_of(price),
    )
