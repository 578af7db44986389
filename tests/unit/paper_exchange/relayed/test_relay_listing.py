from decimal import Decimal as D

import pytest

from libs.common.exchange.trading_types import Action
from libs.common.units import HOUR_MS, Instant, Price, Qty
from services.paper_exchange.core.market.market import Day, Trade
from services.paper_exchange.core.relayed.relay_listing import MOST_SETTLEMENTS, MOST_TRADES, QUIET_MS, RelayListing
from services.paper_exchange.core.relayed.upstream_frames import TickerHeard
from tests.support.scripted_market import BTC, START, instrument

NEVER = Instant(0)
EIGHT = Instant(START + 8 * HOUR_MS)


@pytest.fixture
def listing() -> RelayListing:
    return RelayListing(instrument())


def trade(number: int, price: str = "100") -> Trade:
    return Trade(Instant(START + number), BTC, Price(D(price)), Qty(D(1)), Action.BUY, number, f"t{number}")


def ticker(after: int, *, snapshot: bool = False, **fields: str) -> TickerHeard:
    return TickerHeard(Instant(START + after), BTC, snapshot, fields)


def test_a_trade_counts_once_whoever_tells_it(listing: RelayListing) -> None:
    assert listing.hear_trades([trade(5), trade(6)], NEVER) == [trade(5), trade(6)]
    assert listing.hear_trades([trade(4), trade(5), trade(6)], NEVER) == [trade(4)]
    assert list(listing.trades.values()) == [trade(4), trade(5), trade(6)]


def test_the_last_price_is_that_of_the_newest_trade(listing: RelayListing) -> None:
    listing.hear_trades([trade(5, "105")], NEVER)
    listing.hear_trades([trade(4, "104")], NEVER)
    assert (listing.last, listing.last_at) == (D(105), START + 5)


def test_a_trade_of_a_moment_that_was_played_counts_just_after_it(listing: RelayListing) -> None:
    (late,) = listing.hear_trades([trade(5)], Instant(START + 9))
    assert late.at == START + 10


def test_the_newest_trades_are_kept(listing: RelayListing) -> None:
    listing.hear_trades([trade(number) for number in range(MOST_TRADES + 10)], NEVER)
    assert len(listing.trades) == MOST_TRADES
    assert next(iter(listing.trades)) == "t10"


def test_a_mark_that_moves_is_news_and_one_that_stays_or_begins_is_none(listing: RelayListing) -> None:
    assert not listing.hear_ticker(ticker(0, snapshot=True, lastPrice="100", markPrice="99"))
    assert not listing.hear_ticker(ticker(1, openInterest="5"))
    assert listing.hear_ticker(ticker(2, markPrice="98"))
    assert (listing.mark, listing.last) == (D(98), D(100))
    assert listing.figures == {"lastPrice": "100", "markPrice": "98", "openInterest": "5"}


def test_a_tickers_price_counts_only_where_trades_have_been_quiet(listing: RelayListing) -> None:
    listing.hear_trades([trade(10, "105")], NEVER)
    listing.hear_ticker(ticker(10 + QUIET_MS, markPrice="99", lastPrice="104"))
    assert listing.last == 105
    assert listing.hear_ticker(ticker(11 + QUIET_MS, lastPrice="103"))
    assert listing.last == 103


def test_funding_settles_at_the_rate_announced_last(listing: RelayListing) -> None:
    listing.hear_ticker(ticker(0, snapshot=True, fundingRate="0.0001", nextFundingTime=str(EIGHT)))
    listing.hear_ticker(ticker(1, fundingRate="0.0003"))
    assert listing.rate == D("0.0003")
    assert listing.settlements(START, EIGHT) == [(EIGHT, D("0.0003"))]
    assert listing.next_settlement(START) == EIGHT
    assert listing.next_settlement(EIGHT) == EIGHT + 8 * HOUR_MS

    listing.hear_ticker(ticker(2, fundingRate="-0.0005", nextFundingTime=str(EIGHT + 8 * HOUR_MS)))
    assert listing.settlements(START, EIGHT) == [(EIGHT, D("0.0003"))]
    assert listing.settlements(EIGHT, Instant(EIGHT + 8 * HOUR_MS)) == [(EIGHT + 8 * HOUR_MS, D("-0.0005"))]


def test_what_the_venue_says_has_settled_outranks_what_it_announced(listing: RelayListing) -> None:
    listing.hear_ticker(ticker(0, snapshot=True, fundingRate="0.0001", nextFundingTime=str(EIGHT)))
    listing.settle([(EIGHT, D("0.0002"))])
    assert listing.settlements(START, EIGHT) == [(EIGHT, D("0.0002"))]


def test_settlements_are_bounded(listing: RelayListing) -> None:
    listing.settle([(Instant(number), D(0)) for number in range(MOST_SETTLEMENTS + 5)])
    assert len(listing.settlements(Instant(-1), START)) == MOST_SETTLEMENTS


def test_the_day_is_the_venues_own(listing: RelayListing) -> None:
    assert listing.day() is None
    figures = {
        "prevPrice24h": "95",
        "prevPrice1h": "",
        "highPrice24h": "120",
        "lowPrice24h": "80",
        "volume24h": "1234",
        "turnover24h": "x",
    }
    listing.hear_ticker(TickerHeard(START, BTC, True, figures))
    assert listing.day() is None
    listing.hear_ticker(ticker(0, turnover24h="123400"))
    open_, high, low = Price(D(95)), Price(D(120)), Price(D(80))
    assert listing.day() == Day(open_, open_, high, low, Qty(D(1234)), D(123_400))
