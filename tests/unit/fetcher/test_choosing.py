"""Choosing, fetcher by fetcher: who decides, who follows, and what survives."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

import pytest

from libs.common.clock import VirtualClock
from libs.common.errors import Misconfigured, Transient
from libs.common.exchange.market_types import Instrument
from libs.common.exchange.memory import MemoryVenue, instrument
from libs.common.health import Health
from libs.common.units import HOUR_MS, Instant, Price, Symbol, Usd
from services.fetcher.adapters.choosing import Choosing
from services.fetcher.adapters.universe_board import MemoryBoard
from services.fetcher.adapters.universe_file import UniverseFile
from services.fetcher.core.choice import Choice, Terms, turn_of
from tests.support.venue_candles import BTC, MORNING

ETH, SOL = Symbol("ETHUSDT"), Symbol("SOLUSDT")
TOP = Terms("top:2", 0, Decimal(0), Decimal(0), Decimal(0))
LIST = replace(TOP, wish=("BTCUSDT", "ETHUSDT"))
TURN = turn_of(MORNING)


class ForgetfulVenue(MemoryVenue):
    """A venue whose next list lacks what it `overlooks`."""

    overlooks: frozenset[Symbol] = frozenset()

    async def instruments(self) -> Sequence[Instrument]:
        overlooked, self.overlooks = self.overlooks, frozenset()
        return [each for each in await super().instruments() if each.symbol not in overlooked]


@dataclass
class Floor:
    """A venue that lists three symbols, BTC traded most and SOL least, and a Redis for every fetcher."""

    home: Path
    shared: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.clock = VirtualClock()
        self.venue = ForgetfulVenue(self.clock, [instrument(each) for each in (BTC, ETH, SOL)], market=MORNING)
        for turnover, symbol in enumerate((SOL, ETH, BTC)):
            self.venue.set_price(symbol, "100")
            self.venue.turnover[symbol] = Usd(Decimal(turnover))

    def fetcher(self, terms: Terms = TOP) -> Choosing:
        board, file = MemoryBoard(self.shared), UniverseFile(self.home)
        return Choosing(terms, self.venue, board, file, Health("fetcher"), self.clock)

    async def begun(self, terms: Terms = TOP) -> Choosing:
        choosing = self.fetcher(terms)
        await choosing.begin()
        return choosing

    def delists(self, symbol: Symbol) -> None:
        del self.venue.books.instruments[symbol]

    def turns(self, symbol: Symbol, turnover: int) -> None:
        self.venue.turnover[symbol] = Usd(Decimal(turnover))


@pytest.fixture
def floor(tmp_path: Path) -> Floor:
    return Floor(tmp_path)


async def renewed(choosing: Choosing, due: int | None = None, *, idle: bool = False, doubtful: bool = False) -> Choice:
    """The choice that a fetcher follows after it has looked again."""
    await choosing.renew(due, idle=idle, doubtful=doubtful)
    assert choosing.stands is not None
    return choosing.stands


async def test_the_first_fetcher_decides_and_a_later_one_follows_whatever_is_traded_by_then(floor: Floor) -> None:
    first = await floor.begun()
    floor.turns(SOL, 99)
    second = await floor.begun()
    assert first.stands == second.stands == Choice("top:2 0 0 0 0", TURN, (BTC, ETH))


async def test_nobody_looks_for_another_choice_while_none_is_due(floor: Floor) -> None:
    choosing = await floor.begun()
    asked = floor.venue.reads
    assert await choosing.renew(None, idle=False, doubtful=False) is None
    assert floor.venue.reads == asked


async def test_of_two_for_whom_an_hour_is_due_one_decides_and_the_other_follows(floor: Floor) -> None:
    first, second = await floor.begun(), await floor.begun()
    floor.turns(SOL, 99)
    decided = await renewed(first, TURN + 1)
    floor.turns(SOL, 0)
    assert await renewed(second, TURN + 1) == decided
    assert SOL in decided.symbols


async def test_a_fetcher_whose_market_is_not_there_yet_keeps_its_choice_unless_it_is_idle(floor: Floor) -> None:
    first, behind, idle = await floor.begun(), await floor.begun(), await floor.begun()
    await renewed(first, TURN + 1)
    assert (await renewed(behind)).turn == TURN
    assert (await renewed(idle, idle=True)).turn == TURN + 1


async def test_a_fetcher_that_starts_as_the_hour_begins_follows_the_choice_of_it(floor: Floor) -> None:
    first = await floor.begun()
    decided = await renewed(first, TURN + 1)
    assert (await floor.begun()).stands == decided


async def test_a_choice_of_a_later_market_is_of_another_world(floor: Floor) -> None:
    first = await floor.begun()
    await renewed(first, TURN + 500)
    again = await floor.begun()
    assert again.stands is not None
    assert again.stands.turn == TURN
    assert await renewed(again) == again.stands


async def test_settings_that_changed_choose_anew_and_those_still_running_follow_without_a_fight(floor: Floor) -> None:
    old = await floor.begun()
    new = await floor.begun(replace(TOP, wish="top:1"))
    assert new.stands is not None
    assert (new.stands.symbols, new.stands.version) == ((BTC,), (TURN, 1))
    for _ in range(3):
        assert await renewed(old) == await renewed(new) == new.stands


async def test_a_list_survives_the_hour_of_a_fetcher_with_another_one(floor: Floor) -> None:
    mine = await floor.begun(LIST)
    floor.delists(ETH)
    await floor.begun(replace(TOP, wish=("SOLUSDT",)))
    assert (await renewed(mine)).symbols == (SOL,)
    choice = await renewed(mine, TURN + 1)
    assert (choice.symbols, choice.gone) == ((BTC,), (ETH,))


async def test_what_redis_lost_while_nobody_ran_the_home_remembers(floor: Floor) -> None:
    first = await floor.begun()
    floor.shared.clear()
    floor.turns(SOL, 99)
    again = await floor.begun()
    assert again.stands == first.stands
    assert floor.shared


async def test_a_named_symbol_that_was_delisted_while_nobody_ran_is_gone_and_a_misspelt_one_is_refused(
    floor: Floor,
) -> None:
    await floor.begun(LIST)
    floor.delists(ETH)
    floor.venue.books.now = Instant(MORNING + 5 * HOUR_MS)
    again = await floor.begun(LIST)
    assert again.stands is not None
    assert again.stands.gone == (ETH,)
    with pytest.raises(Misconfigured, match="'BTCUSD' is not listed; did you mean BTCUSDT"):
        await floor.begun(replace(LIST, wish=("BTCUSD",)))


async def test_a_doubt_that_was_right_is_shared_and_one_that_was_not_changes_nothing(floor: Floor) -> None:
    first, second = await floor.begun(), await floor.begun()
    assert await first.renew(None, idle=False, doubtful=True) is None
    floor.delists(ETH)
    less = await renewed(first, doubtful=True)
    assert (less.symbols, less.version) == ((BTC,), (TURN, 1))
    assert await renewed(second) == less


@pytest.mark.parametrize("due", [TURN + 1, None])
async def test_what_only_one_list_lacks_is_not_delisted(floor: Floor, due: int | None) -> None:
    choosing = await floor.begun()
    floor.venue.overlooks = frozenset({ETH})
    assert (await renewed(choosing, due, doubtful=True)).symbols == (BTC, ETH)
    floor.venue.overlooks = frozenset({ETH})
    assert (await floor.begun()).stands == choosing.stands


async def test_a_doubt_finds_a_contract_that_has_another_tick_by_now(floor: Floor) -> None:
    choosing = await floor.begun()
    finer = Price(Decimal("0.001"))
    floor.venue.books.instruments[ETH] = replace(instrument(ETH), tick=finer)
    listing = await choosing.renew(None, idle=False, doubtful=True)
    assert listing is not None
    assert (listing.choice, listing.ticks[ETH]) == (choosing.stands, finer)
    assert await choosing.renew(None, idle=False, doubtful=True) is None


async def test_a_doubt_of_one_whose_market_is_not_there_yet_follows_what_the_others_chose(floor: Floor) -> None:
    first, behind = await floor.begun(), await floor.begun()
    decided = await renewed(first, TURN + 1)
    floor.delists(ETH)
    assert await renewed(behind, doubtful=True) == decided
    assert (await renewed(behind, doubtful=True)).version == (TURN + 1, 1)


async def test_a_venue_that_lists_nothing_has_not_answered(floor: Floor) -> None:
    choosing = await floor.begun()
    floor.venue.books.instruments.clear()
    with pytest.raises(Transient, match="lists no USDT perpetual"):
        await choosing.renew(TURN + 1, idle=False, doubtful=False)
    with pytest.raises(Transient, match="lists no USDT perpetual"):
        await choosing.renew(None, idle=False, doubtful=True)
    assert choosing.stands is not None
    assert choosing.stands.symbols == (BTC, ETH)
