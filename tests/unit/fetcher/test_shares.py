from decimal import Decimal

import pytest

from libs.common.errors import Misconfigured
from libs.common.exchange.market_types import Ticker
from libs.common.exchange.memory import instrument
from libs.common.units import Price, Symbol, Usd
from services.fetcher.core.shares import universe, wanted

LISTED = [instrument(name) for name in ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT")]


def ticker(symbol: str, turnover: int) -> Ticker:
    one = Price(Decimal(1))
    return Ticker(Symbol(symbol), one, one, one, one, one, one, Usd(Decimal(turnover)))


TICKERS = [ticker("SOLUSDT", 9), ticker("BTCUSDT", 7), ticker("ETHUSDT", 7), ticker("OLDUSDT", 99)]


def test_the_top_is_chosen_by_turnover_among_what_is_listed_and_told_in_order() -> None:
    assert universe("top:2", LISTED, TICKERS) == ("BTCUSDT", "SOLUSDT")
    assert universe("top:50", LISTED, TICKERS) == ("BTCUSDT", "ETHUSDT", "SOLUSDT")


def test_a_list_is_taken_as_it_is() -> None:
    assert universe(("XRPUSDT", "BTCUSDT", "XRPUSDT"), LISTED, []) == ("BTCUSDT", "XRPUSDT")


def test_an_unknown_symbol_is_refused_with_what_is_like_it() -> None:
    with pytest.raises(Misconfigured, match=r"'BTCUSD' is not listed; did you mean BTCUSDT"):
        universe(("BTCUSD",), LISTED, [])


def test_every_unknown_symbol_is_named_at_once() -> None:
    with pytest.raises(Misconfigured, match=r"'QQQ' is not listed; listed are BTCUSDT, .*'ZZZ'"):
        universe(("QQQ", "BTCUSDT", "ZZZ"), LISTED, [])


def test_busy_symbols_come_first_also_those_that_nobody_chose_or_lists() -> None:
    listed = [i.symbol for i in LISTED]
    busy = {Symbol("XRPUSDT"), Symbol("ETHUSDT"), Symbol("GONEUSDT")}
    chosen = (Symbol("BTCUSDT"), Symbol("ETHUSDT"), Symbol("LOSTUSDT"))
    assert wanted(chosen, busy, listed) == ("ETHUSDT", "GONEUSDT", "XRPUSDT", "BTCUSDT")
