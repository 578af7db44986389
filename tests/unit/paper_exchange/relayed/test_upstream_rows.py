from decimal import Decimal as D

import pytest
from pydantic import JsonValue

from libs.common.errors import Poison
from libs.common.exchange.trading_types import Action
from libs.common.units import Instant, Price, Qty, Symbol
from services.paper_exchange.core.books.fields import Json
from services.paper_exchange.core.market.market import Bar, Trade
from services.paper_exchange.core.relayed import upstream_rows as rows
from tests.support.told_venue import ToldVenue

BTC = Symbol("BTCUSDT")


def test_only_perpetuals_that_trade_against_usdt_are_listed() -> None:
    listed: JsonValue = [
        ToldVenue.instrument(),
        {**ToldVenue.instrument(), "symbol": "ETHPERP", "settleCoin": "USDC"},
        {**ToldVenue.instrument(), "symbol": "OLDUSDT", "status": "Closed"},
        {**ToldVenue.instrument(), "symbol": "BTCUSDT-26DEC", "contractType": "LinearFutures"},
    ]
    (found,) = rows.reading(rows.instruments, {"list": listed})
    assert (found.symbol, found.tick, found.qty_step, found.max_leverage) == (BTC, D("0.1"), D("0.001"), D(100))


def test_candles_come_oldest_first_and_those_of_the_mark_have_no_volume() -> None:
    told: Json = {"list": [["120000", "2", "3", "1", "2", "5", "10"], ["60000", "1", "1", "1", "1"]]}
    one, two, three, nil = (Price(D(number)) for number in (1, 2, 3, 0))
    assert rows.reading(rows.bars, told) == [
        Bar(Instant(60_000), one, one, one, one, Qty(nil), D(0), closed=True),
        Bar(Instant(120_000), two, three, one, two, Qty(D(5)), D(10), closed=True),
    ]


def test_a_premium_may_be_below_zero() -> None:
    told: Json = {"list": [["60000", "-0.001", "0.002", "-0.003", "0"]]}
    assert [bar.low for bar in rows.reading(rows.bars, told)] == [D("-0.003")]


def test_trades_come_oldest_first() -> None:
    row: Json = {"symbol": "BTCUSDT", "price": "100", "size": "2", "side": "Buy", "seq": "9"}
    told: Json = {"list": [{**row, "execId": "b", "time": "2"}, {**row, "execId": "a", "time": "1"}]}
    newest = Trade(Instant(2), BTC, Price(D(100)), Qty(D(2)), Action.BUY, 9, "b")
    first, second = rows.reading(rows.trades, told)
    assert (first.trade_id, second) == ("a", newest)


def test_settlements_turnovers_and_figures_are_read() -> None:
    assert rows.reading(
        rows.settlements, {"list": [{"fundingRateTimestamp": "28800000", "fundingRate": "-0.0003"}]}
    ) == [(28_800_000, D("-0.0003"))]
    told: Json = {"list": [{"symbol": "BTCUSDT", "turnover24h": "12.5", "preQty": None}]}
    assert rows.reading(rows.turnovers, told) == {BTC: D("12.5")}
    assert rows.reading(rows.tickers, told) == {BTC: {"symbol": "BTCUSDT", "turnover24h": "12.5"}}


@pytest.mark.parametrize("told", [{}, {"list": None}, {"list": [["1", "2"]]}, {"list": [{}]}, {"list": [["x"] * 7]}])
def test_what_cannot_be_read_is_poison(told: Json) -> None:
    with pytest.raises(Poison):
        rows.reading(rows.bars, told)
