"""What each thing that happens is told as, and in which order: frames, disk and audit all follow it."""

from collections.abc import Callable
from copy import deepcopy
from decimal import Decimal as D

import pytest

from libs.common.errors import Refused
from services.paper_exchange.core.books.changes import Executed, OrderChanged, PartClosed, WalletChanged
from tests.support.trading_floor import Floor

ORDER, FILL, PART, NAKED = "OrderChanged", "Executed", "PartClosed", "NakedChanged"
POSITION, WALLET = "PositionTold", "WalletChanged"


def long() -> Floor:
    floor = Floor()
    floor.buys("1", stopLoss="95")
    floor.books.take_journal()
    return floor


@pytest.mark.parametrize(
    ("begin", "act", "told"),
    [
        (Floor, lambda floor: floor.buys("1"), [ORDER, ORDER, FILL, POSITION, WALLET, NAKED]),
        (Floor, lambda floor: floor.buys("1", stopLoss="95"), [ORDER, ORDER, FILL, ORDER, POSITION, WALLET]),
        (Floor, lambda floor: floor.buys("1", orderType="Limit", price="90"), [ORDER, POSITION, WALLET]),
        (long, lambda floor: floor.sells("1", reduceOnly=True), [ORDER, ORDER, FILL, PART, ORDER, POSITION, WALLET]),
        (long, lambda floor: floor.asks("position/trading-stop", stopLoss="96"), [ORDER, POSITION, WALLET]),
        (long, lambda floor: floor.settles("0.0001"), [FILL, POSITION, WALLET]),
        (long, lambda floor: floor.moves("96"), []),
    ],
    ids=["a naked entry", "an entry", "a resting order", "an exit", "a stop moves", "funding", "a price alone"],
)
def test_what_happened_is_told_in_the_order_in_which_it_happened(
    begin: Callable[[], Floor], act: Callable[[Floor], object], told: list[str]
) -> None:
    floor = begin()
    act(floor)
    assert [type(change).__name__ for change in floor.books.journal] == told


def test_what_was_told_stays_as_it_was_told() -> None:
    floor = Floor()
    floor.buys("1", stopLoss="95")
    told = list(floor.books.journal)
    kept = deepcopy(told)
    floor.asks("position/trading-stop", stopLoss="96")
    floor.moves("90")
    assert told == kept


def test_the_wallet_is_told_as_it_was_after_each_change() -> None:
    floor = Floor()
    floor.buys("1")
    floor.sells("1")
    balances = [change.totals.balance for change in floor.books.journal if isinstance(change, WalletChanged)]
    first, second = (fill.fee - fill.gross for fill in floor.fills)
    assert balances == [D(1000) - first, D(1000) - first - second]


def test_a_closed_part_points_at_its_fill_and_its_order() -> None:
    floor = long()
    floor.sells("0.4", reduceOnly=True)
    (fill,) = floor.fills
    (part,) = [change.part for change in floor.books.journal if isinstance(change, PartClosed)]
    assert (part.seq, part.order_id, part.closed, part.at) == (fill.seq, fill.order_id, D("0.4"), fill.at)


def test_executions_are_numbered_without_gaps_funding_included() -> None:
    floor = long()
    floor.settles("0.0001")
    floor.sells("2")
    seqs = [change.execution.seq for change in floor.books.journal if isinstance(change, Executed)]
    assert seqs == [2, 3]
    assert floor.books.totals.executions == 3


def test_a_refused_request_is_told_to_nobody() -> None:
    floor = Floor()
    with pytest.raises(Refused):
        floor.buys("1000")
    assert not [change for change in floor.books.journal if isinstance(change, OrderChanged)]
    assert floor.books.totals.orders == 0
