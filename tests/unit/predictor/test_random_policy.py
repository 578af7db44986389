from decimal import Decimal

from libs.common.units import Instant, Side, Symbol, Timeframe
from services.predictor.core.random_policy import Lot, draw

BTC, ETH = Symbol("BTCUSDT"), Symbol("ETHUSDT")
SLOTS = [Instant(n * Timeframe.M15.ms) for n in range(20_000)]
RATE = Decimal("0.05")


def drawn(seed: int, symbol: Symbol) -> dict[Instant, Lot]:
    lots = {slot: draw(seed, symbol, slot, rate=RATE) for slot in SLOTS}
    return {slot: lot for slot, lot in lots.items() if lot is not None}


def test_the_same_seed_symbol_and_slot_draw_the_same_lot_whatever_came_before() -> None:
    lots = drawn(1, BTC)
    assert [draw(1, BTC, slot, rate=RATE) for slot in reversed(lots)] == list(reversed(lots.values()))


def test_another_seed_or_symbol_draws_other_moments() -> None:
    assert drawn(1, BTC).keys() != drawn(2, BTC).keys()
    assert drawn(1, BTC).keys() != drawn(1, ETH).keys()


def test_entries_come_as_often_as_asked_and_on_either_side_alike() -> None:
    lots = drawn(7, BTC)
    assert 900 < len(lots) < 1_100
    longs = sum(lot.side is Side.LONG for lot in lots.values())
    assert 0.45 < longs / len(lots) < 0.55


def test_a_lower_rate_draws_some_of_the_same_moments() -> None:
    rarer = {slot for slot in SLOTS if draw(7, BTC, slot, rate=Decimal("0.01"))}
    assert rarer < drawn(7, BTC).keys()


def test_a_rate_of_one_enters_always() -> None:
    assert all(draw(1, BTC, slot, rate=Decimal(1)) for slot in SLOTS[:1_000])


def test_a_lot_says_that_it_is_one() -> None:
    lot = next(iter(drawn(1, BTC).values()))
    assert lot.rationale.startswith("random policy, seed 1: ")
    assert "no model was asked" in lot.rationale
    assert ("BUY" in lot.rationale) == (lot.side is Side.LONG)
