"""A candle of history is stored without being a message, and nobody who reads it can tell."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.contracts.bounds import LATEST, LEAST, MOST
from libs.common.contracts.market import CandleClosed, closed_json
from libs.common.contracts.registry import decode, encode
from libs.common.exchange.market_types import Candle
from libs.common.units import MINUTE_MS, Instant, Price, Qty, Symbol, Timeframe, Usd
from tests.support.venue_candles import as_message, venue_candle

numbers = st.decimals(min_value=0, max_value=Decimal(MOST) - 1, allow_nan=False, allow_infinity=False)
prices = numbers.filter(lambda number: number >= LEAST)


@st.composite
def candles(draw: st.DrawFn) -> Candle:
    low, opened, close, high = sorted(draw(st.tuples(prices, prices, prices, prices)))
    return Candle(
        symbol=Symbol(draw(st.from_regex(r"[A-Z0-9]{1,20}", fullmatch=True))),
        timeframe=draw(st.sampled_from(Timeframe)),
        open_at=Instant(draw(st.integers(0, 10**9)) * MINUTE_MS),
        open=Price(opened),
        high=Price(high),
        low=Price(low),
        close=Price(close),
        volume=Qty(draw(numbers)),
        turnover=Usd(draw(numbers)),
        closed=None,
    )


@given(candles())
def test_its_body_is_that_of_the_message_it_would_be(candle: Candle) -> None:
    message = as_message(candle)
    assert closed_json(candle).encode() == encode(message)[1]
    assert decode(CandleClosed.schema_name.encode(), closed_json(candle).encode()) == message


@given(candles(), st.integers(0, LATEST), st.text())
def test_its_stamp_is_that_of_the_message_too(candle: Candle, sent: int, source: str) -> None:
    stamped = as_message(candle).stamped(sent=Instant(sent), source=source)
    assert closed_json(candle, sent=Instant(sent), source=source).encode() == encode(stamped)[1]


@pytest.mark.parametrize(
    "wrong",
    [
        {"low": Decimal(0)},
        {"open": Decimal("1E-16")},
        {"close": Decimal(MOST)},
        {"high": Decimal("Infinity")},
        {"high": Decimal(1)},
        {"volume": Decimal(-1)},
        {"volume": Decimal(MOST)},
        {"turnover": Decimal("NaN")},
    ],
)
def test_what_no_reader_would_take_is_not_written(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="out of bounds"):
        closed_json(venue_candle(0)._replace(**wrong))
