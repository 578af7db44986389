import pytest

from libs.common.errors import Misconfigured
from libs.common.units import Symbol
from services.paper_exchange.adapters.markets.relay_opening import chosen
from services.paper_exchange.core.books.fields import Json
from tests.support.scripted_market import instrument

A, B, C = (Symbol(f"{name}USDT") for name in "ABC")
LISTED = [instrument(each) for each in (A, B, C)]
TICKERS: Json = {"list": [{"symbol": each, "turnover24h": str(worth)} for worth, each in enumerate((A, B, C), 1)]}


def symbols(wanted: str | tuple[str, ...], *before: Symbol) -> list[Symbol]:
    return [each.symbol for each in chosen(LISTED, TICKERS, wanted, before=set(before))]


def test_the_busiest_are_chosen_by_turnover() -> None:
    assert symbols("top:2") == [C, B]


def test_what_was_played_before_stays_however_quiet_it_has_become() -> None:
    assert symbols("top:1", A, C) == [C, A]
    assert symbols("top:1", Symbol("GONEUSDT")) == [C]


def test_a_list_is_taken_as_it_is() -> None:
    assert symbols((B,), A) == [B]
    with pytest.raises(Misconfigured, match=r"market\.symbols = XUSDT: not listed"):
        symbols((B, "XUSDT"))
