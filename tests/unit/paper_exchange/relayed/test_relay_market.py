from dataclasses import replace
from decimal import Decimal as D

import pytest

from libs.common.exchange.trading_types import Action
from libs.common.units import HOUR_MS, MINUTE_MS, Instant, Price, Qty, Symbol
from services.paper_exchange.core.market.depth import Depths, Level, SeenQuote, ShowsLevels
from services.paper_exchange.core.market.market import Settlement, Tick, Trade
from services.paper_exchange.core.relayed.archive import CHUNK, Kind, Series
from services.paper_exchange.core.relayed.gap import Missed
from services.paper_exchange.core.relayed.relay_market import BEHIND_MS, FRESH_MS, LEVELS_AHEAD_MS, RelayedMarket
from services.paper_exchange.core.relayed.relayed import Relayed
from services.paper_exchange.core.relayed.upstream_frames import CandlesHeard, LevelsHeard, TickerHeard, TradesHeard
from tests.support.scripted_market import BTC, ETH, instrument
from tests.support.told_venue import MORNING, minute

NOON = Instant(MORNING + 12 * HOUR_MS)


@pytest.fixture
def market() -> RelayedMarket:
    """Two symbols with a day of minutes, BTCUSDT at 100 with levels, played up to NOON."""
    made = RelayedMarket([instrument(ETH), instrument(BTC)], start=NOON, horizon=NOON)
    for listing in made.listings.values():
        minutes = [minute(at) for at in range(NOON - 1_000 * MINUTE_MS, NOON, MINUTE_MS)]
        listing.candles.load(MINUTE_MS, minutes, all_there_are=False)
    made.hear(ticker(0, lastPrice="100", markPrice="100"))
    made.hear(LevelsHeard(NOON, BTC, True, 1, [level("99", "1")], [level("101", "2")]))
    made.path(Instant(NOON - 1), NOON)
    made.silence = ""
    return made


def level(price: str, qty: str) -> Level:
    return Level(Price(D(price)), Qty(D(qty)))


def ticker(after: int, *, symbol: Symbol = BTC, **fields: str) -> TickerHeard:
    return TickerHeard(Instant(NOON + after), symbol, after == 0, fields)


def trade(after: int, price: str, *, symbol: Symbol = BTC) -> Trade:
    return Trade(Instant(NOON + after), symbol, Price(D(price)), Qty(D(1)), Action.BUY, after, f"{symbol}{after}")


def trades(*told: Trade) -> TradesHeard:
    return TradesHeard(told[-1].at, told)


def ticks(market: RelayedMarket, after: int, until: int) -> list[tuple[int, str, D, D]]:
    found = market.path(Instant(NOON + after), Instant(NOON + until))
    return [(tick.at - NOON, tick.symbol, tick.price, tick.mark) for tick in found]


def closes(market: RelayedMarket, symbol: Symbol) -> None:
    market.hear(CandlesHeard(Instant(NOON + MINUTE_MS), symbol, [minute(NOON)]))


def test_it_is_a_relayed_market_that_shows_levels(market: RelayedMarket) -> None:
    assert isinstance(market, Relayed)
    assert isinstance(market, ShowsLevels)
    assert [each.symbol for each in market.instruments] == [BTC, ETH]


def test_trades_and_marks_become_ticks_in_order_of_time(market: RelayedMarket) -> None:
    market.hear(trades(trade(8, "102")))
    market.hear(trades(trade(3, "10", symbol=ETH), trade(5, "101")))
    market.hear(ticker(6, markPrice="100.5"))
    hundred = D(100)
    assert ticks(market, 0, 8) == [
        (3, ETH, D(10), D(10)),
        (5, BTC, D(101), hundred),
        (6, BTC, D(102), D("100.5")),
        (8, BTC, D(102), hundred),
    ]
    assert ticks(market, 0, 5) == [(3, ETH, D(10), D(10)), (5, BTC, D(101), hundred)]


def test_what_comes_too_late_for_its_moment_is_played_next(market: RelayedMarket) -> None:
    ticks(market, 0, 10)
    market.hear(trades(trade(4, "101")))
    assert ticks(market, 10, 12) == [(11, BTC, D(101), D(100))]
    assert [each.at - NOON for each in market.trades(BTC, after=None, now=Instant(NOON + 12), limit=5)] == [11]


def test_what_is_told_of_strangers_is_ignored(market: RelayedMarket) -> None:
    stranger = Symbol("XUSDT")
    market.hear(trades(trade(4, "101", symbol=stranger)))
    market.hear(ticker(4, symbol=stranger, markPrice="1"))
    market.hear(CandlesHeard(NOON, stranger, [minute(NOON)]))
    assert market.hear(LevelsHeard(NOON, stranger, True, 1, [], [])) is None
    assert ticks(market, 0, 10) == []


def test_levels_that_do_not_fit_are_asked_for_again(market: RelayedMarket) -> None:
    assert market.hear(LevelsHeard(NOON, BTC, False, 2, [level("55", "0")], [])) == BTC


def test_the_horizon_waits_for_every_symbols_minute_to_close(market: RelayedMarket) -> None:
    late = Instant(NOON + MINUTE_MS + 500)
    market.release(late)
    assert market.horizon == NOON + MINUTE_MS - 1
    assert market.unclosed(late) == [BTC, ETH]
    closes(market, BTC)
    market.release(late)
    assert market.horizon == NOON + MINUTE_MS - 1
    closes(market, ETH)
    market.release(late)
    assert (market.horizon, market.unclosed(late)) == (late, [])
    market.release(NOON)
    assert market.horizon == late


def test_a_symbol_that_fell_silent_holds_up_no_other(market: RelayedMarket) -> None:
    market.listings[ETH].silent = True
    closes(market, BTC)
    market.release(Instant(NOON + MINUTE_MS + 1))
    assert market.horizon == NOON + MINUTE_MS + 1
    assert (market.delisting(ETH), market.delisting(BTC)) == (NOON, None)


def test_candles_are_made_of_what_was_heard_until_the_venue_was_asked(market: RelayedMarket) -> None:
    quarter = 15 * MINUTE_MS
    series = Series(Kind.LAST, BTC, quarter)
    heard = market.bars(BTC, quarter, start=None, end=None, limit=200, now=NOON)
    assert len(heard) == 1_000 // 15
    assert heard[-1].volume == sum(minute(at).volume for at in range(NOON - quarter, NOON, MINUTE_MS))

    (missing,) = market.lacking(series, start=None, end=None, limit=200, now=NOON)
    assert missing.begin <= NOON - 200 * quarter
    told = [replace(minute(at), open_at=Instant(at)) for at in range(missing.begin, NOON, quarter)]
    market.archive.keep(series, missing, told, NOON)
    assert market.lacking(series, start=None, end=None, limit=200, now=NOON) == []
    assert market.bars(BTC, quarter, start=None, end=None, limit=200, now=NOON) == told[-200:]


def test_a_coarse_candle_that_closed_since_is_the_venues_to_tell(market: RelayedMarket) -> None:
    series = Series(Kind.LAST, BTC, 5 * MINUTE_MS)
    (missing,) = market.lacking(series, start=None, end=None, limit=9, now=NOON)
    market.archive.keep(series, missing, [], NOON)
    assert market.lacking(series, start=None, end=None, limit=9, now=Instant(NOON + 5 * MINUTE_MS - 1)) == []
    assert market.lacking(series, start=None, end=None, limit=9, now=Instant(NOON + 5 * MINUTE_MS)) == [missing]


def test_what_was_heard_stands_in_while_the_venue_cannot_be_asked(market: RelayedMarket) -> None:
    quarters, marks = Series(Kind.LAST, BTC, 15 * MINUTE_MS), Series(Kind.MARK, BTC, 15 * MINUTE_MS)
    assert market.remembers(quarters, start=None, end=None, limit=60, now=NOON)
    assert not market.remembers(quarters, start=None, end=None, limit=70, now=NOON)
    assert not market.remembers(marks, start=None, end=None, limit=1, now=NOON)


def test_what_memory_reaches_is_not_asked_for(market: RelayedMarket) -> None:
    series = Series(Kind.LAST, BTC, MINUTE_MS)
    assert market.lacking(series, start=None, end=None, limit=CHUNK, now=NOON) == []
    assert market.lacking(series._replace(symbol=Symbol("XUSDT")), start=None, end=None, limit=5, now=NOON) == []


def test_candles_of_the_mark_are_asked_for_again_when_they_are_old(market: RelayedMarket) -> None:
    series = Series(Kind.MARK, BTC, MINUTE_MS)
    (missing,) = market.lacking(series, start=None, end=None, limit=5, now=NOON)
    known = [minute(at) for at in range(NOON - 10 * MINUTE_MS, NOON, MINUTE_MS)]
    market.archive.keep(series, missing, known, NOON)
    soon, later = Instant(NOON + FRESH_MS), Instant(NOON + FRESH_MS + 1)
    assert market.lacking(series, start=None, end=None, limit=5, now=soon) == []
    assert market.lacking(series, start=None, end=None, limit=5, now=later) == [missing]
    last = market.marks(BTC, MINUTE_MS, start=None, end=None, limit=2, now=Instant(NOON - 1))[-1]
    assert last == replace(known[-1], closed=False)
    assert market.premiums(BTC, MINUTE_MS, start=None, end=None, limit=2, now=NOON) == []


def test_a_gap_is_filled_with_candles_then_trades_and_nothing_is_played_twice(market: RelayedMarket) -> None:
    price = Price(D(90))
    missed = [Missed(Instant(NOON + 3), price, price, Qty(D(1)))]
    market.hear(trades(trade(9, "95")))
    market.fill(BTC, missed, [trade(-5, "99"), trade(7, "91"), trade(9, "95")], NOON)
    hundred = D(100)
    assert ticks(market, 0, 20) == [
        (3, BTC, D(90), D(90)),
        (7, BTC, D(91), hundred),
        (9, BTC, D(95), hundred),
    ]
    known = market.trades(BTC, after=None, now=Instant(NOON + 20), limit=10)
    assert [each.at - NOON for each in known] == [-5, 7, 9]
    assert market.trades(BTC, after=NOON, now=Instant(NOON + 8), limit=10) == [trade(7, "91")]
    assert market.trades(BTC, after=None, now=Instant(NOON + 20), limit=1) == [trade(9, "95")]


def test_levels_are_met_at_their_own_time_and_modelled_before_it(market: RelayedMarket) -> None:
    depths, price = Depths(market), Price(D(100))
    met = depths.quote(BTC, price, price, Instant(NOON - LEVELS_AHEAD_MS))
    assert isinstance(met, SeenQuote)
    assert (met.bid, met.ask) == (D(99), D(101))
    assert not isinstance(depths.quote(BTC, price, price, Instant(NOON - LEVELS_AHEAD_MS - 1)), SeenQuote)
    assert not isinstance(depths.quote(ETH, price, price, NOON), SeenQuote)


def test_orders_are_refused_with_a_reason_while_prices_cannot_be_trusted(market: RelayedMarket) -> None:
    assert market.trouble(BTC) == ""
    assert market.trouble(ETH) == "no levels of ETHUSDT yet"
    assert market.without_levels() == [ETH]
    assert market.trouble(Symbol("XUSDT")) == ""
    market.release(Instant(NOON + BEHIND_MS + 1_001))
    assert market.trouble(BTC) == "6 s of market have to be played first"
    market.silence = "nothing is heard"
    assert market.trouble(BTC) == market.trouble(Symbol("")) == "nothing is heard"


def test_prices_figures_and_funding_are_those_that_were_heard(market: RelayedMarket) -> None:
    eight = Instant(NOON + 4 * HOUR_MS)
    market.hear(ticker(1, openInterest="7", bid1Price="5", fundingRate="0.0002", nextFundingTime=str(eight)))
    assert (market.price(BTC, NOON), market.mark(BTC, NOON), market.price(ETH, NOON)) == (D(100), D(100), None)
    assert market.price(BTC, Instant(NOON - 1)) == minute(NOON - 2 * MINUTE_MS).close
    assert market.figures(BTC) == {"openInterest": "7"}
    assert market.next_settlement(BTC, NOON) == eight
    assert market.funding_rate(BTC, NOON) == D("0.0002")
    assert market.settlements(NOON, eight) == [Settlement(eight, BTC, D("0.0002"))]
    assert market.day(BTC, NOON) is None


def test_ticks_that_were_played_are_forgotten_after_a_while(market: RelayedMarket) -> None:
    market.hear(trades(trade(5, "101")))
    tick = Tick(Instant(NOON + 5), BTC, Price(D(101)), Price(D(100)), Qty(D(1)))
    assert market.path(NOON, Instant(NOON + 10)) == [tick]
    assert market.path(NOON, Instant(NOON + 10)) == [tick]
    market.path(Instant(NOON + 10 * MINUTE_MS), Instant(NOON + 10 * MINUTE_MS + 1))
    assert market.path(NOON, Instant(NOON + 10)) == []
