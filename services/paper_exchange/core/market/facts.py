"""Facts of a contract that candles do not tell: steps, minima and leverage, chosen as the venue would."""

from decimal import Decimal
from typing import Final

from libs.common.exchange.market_types import Instrument
from libs.common.units import Fraction, Instant, Price, Qty, Symbol, Usd, floor_to
from services.paper_exchange.core.market.schedule import FUNDING_INTERVAL_MS

MIN_NOTIONAL: Final = Usd(Decimal(5))
LARGEST_MARKET_ORDER: Final = Decimal(2_000_000)  # USDT
STEP_WORTH: Final = Decimal(10)  # USDT: a step of quantity is worth at most this, and more than a tenth of it
MAJORS: Final = frozenset({"BTCUSDT", "ETHUSDT"})


def contract(
    symbol: Symbol, *, tick: Decimal, price: Decimal, launched: Instant, funding_interval_ms: int = FUNDING_INTERVAL_MS
) -> Instrument:
    """Return the instrument of a symbol that cost `price` when it was listed."""
    step = qty_step(price)
    return Instrument(
        symbol=symbol,
        tick=Price(tick),
        qty_step=Qty(step),
        min_qty=Qty(step),
        max_market_qty=Qty(floor_to(LARGEST_MARKET_ORDER / price, step)),
        min_notional=MIN_NOTIONAL,
        max_leverage=Fraction(Decimal(100 if symbol in MAJORS else 50)),
        launched=launched,
        funding_interval_ms=funding_interval_ms,
    )


def qty_step(price: Decimal) -> Decimal:
    """Return the power of ten of base units that is worth at most STEP_WORTH."""
    exponent = (STEP_WORTH / price).adjusted()
    return Decimal(10**exponent) if exponent >= 0 else Decimal(1).scaleb(exponent)  # 100, never 1E+2
