import asyncio
import sqlite3
from pathlib import Path

import pytest

from libs.common.clock import VirtualClock
from libs.common.errors import Poison
from libs.common.units import Instant
from services.postmortem.adapters.filing import TRIES
from services.postmortem.core.statistics import Outcome
from tests.support.postmortems import Office, open_office
from tests.support.trades import trade


class ImpatientClock(VirtualClock):
    async def sleep(self, seconds: float) -> None:
        self.advance(seconds)
        await asyncio.sleep(0)


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return open_office(tmp_path, ImpatientClock())


async def handle(office: Office, number: int, *, exit_price: str) -> None:
    closed = trade(trade_id=f"t{number}", exit_price=exit_price)
    await office.filing.keep(office.desk.decide(closed, Instant(0)))


async def test_a_loss_is_on_disk_and_in_the_index_when_it_is_kept(office: Office) -> None:
    await handle(office, 1, exit_price="98")
    assert office.filed == ["t1"]
    assert [(each.trade_id, each.category is not None) for each in office.index.outcomes()] == [("t1", True)]


async def test_a_winner_is_only_counted(office: Office) -> None:
    await handle(office, 1, exit_price="110")
    assert office.filed == []
    assert [(each.trade_id, each.category) for each in office.index.outcomes()] == [("t1", None)]


async def test_a_trade_handled_twice_is_filed_once(office: Office) -> None:
    await handle(office, 1, exit_price="98")
    before = office.archive.path("t1").stat()
    await handle(office, 1, exit_price="98")
    assert office.archive.path("t1").stat().st_ino == before.st_ino
    assert len(office.index.outcomes()) == 1


class Refusing:
    """An index that is locked for so many calls."""

    def __init__(self, office: Office, times: int) -> None:
        self._enter = office.index.enter
        self.left = times

    def __call__(self, outcome: Outcome) -> None:
        if self.left:
            self.left -= 1
            raise sqlite3.OperationalError("database is locked")
        self._enter(outcome)


async def test_a_disk_that_refuses_is_asked_again(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(office.index, "enter", Refusing(office, TRIES - 1))
    await handle(office, 1, exit_price="98")
    assert len(office.index.outcomes()) == 1


async def test_a_disk_that_keeps_refusing_gives_up_that_trade_and_not_the_next(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(office.index, "enter", Refusing(office, TRIES))
    with pytest.raises(Poison, match="t1 cannot be filed: database is locked"):
        await handle(office, 1, exit_price="98")
    await handle(office, 2, exit_price="98")
    assert [each.trade_id for each in office.index.outcomes()] == ["t2"]


async def test_a_refused_winner_is_not_filed_with_the_next_trade(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(office.index, "enter", Refusing(office, TRIES))
    with pytest.raises(Poison):
        await handle(office, 1, exit_price="110")
    await handle(office, 2, exit_price="110")
    assert [each.trade_id for each in office.index.outcomes()] == ["t2"]
