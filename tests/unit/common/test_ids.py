import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.errors import Misconfigured
from libs.common.ids import OrderName, derive_id, deriving, parse_link_id
from libs.common.units import MINUTE_MS, Instant, Symbol

symbols = st.from_regex(r"\A[A-Z0-9]{1,20}\Z").map(Symbol)
slots = st.integers(0, 36**6).map(lambda minute: Instant(minute * MINUTE_MS))
purposes = st.sampled_from(["e", "x1", "x12", "p1a1", "p3a2"])


@given(symbols, slots, purposes)
def test_an_order_id_says_what_it_was_made_from(symbol: Symbol, slot: Instant, purpose: str) -> None:
    name = OrderName(symbol, slot, purpose)
    assert len(name.link_id()) <= 36
    assert parse_link_id(name.link_id()) == name


@given(st.text(max_size=40))
def test_what_is_not_ours_is_nobodys_or_reads_back_the_same(text: str) -> None:
    name = parse_link_id(text)
    assert name is None or name.link_id() == text


@pytest.mark.parametrize("text", ["", "ika-BTCUSDT-0a-e", "ika-BTCUSDT-a-q", "ika-btcusdt-a-e", "my-own-order"])
def test_other_peoples_orders_are_not_ours(text: str) -> None:
    assert parse_link_id(text) is None


def test_a_symbol_too_long_for_the_venue_is_a_configuration_error() -> None:
    with pytest.raises(Misconfigured, match="at most 20"):
        OrderName(Symbol("A" * 21), Instant(0), "e").link_id()


def test_same_causes_same_id() -> None:
    assert derive_id("signal", "a", "b") == derive_id("signal", "a", "b")
    assert derive_id("signal", "a", "b") != derive_id("signal", "ab")


def test_ids_of_many_that_share_their_causes_are_those_of_each() -> None:
    of_a = deriving("candle", "a", "15m")
    assert [of_a("1"), of_a("2")] == [derive_id("candle", "a", "15m", "1"), derive_id("candle", "a", "15m", "2")]
    assert deriving("candle")("1") == derive_id("candle", "1")
