from decimal import Decimal

from libs.common.units import Price, Usd
from services.executor.core.figures import booked, score, worth
from services.executor.core.position import fold
from tests.support.executions import closes, funds, opens
from tests.support.matches import held

D = Decimal


def test_an_open_position_is_worth_what_the_mark_says() -> None:
    value = worth(held(qty="2", entry="100"), Price(D(110)))
    assert value.unrealised == D(20)
    assert value.roe is not None
    assert value.roe.quantize(D("0.01")) == D("4.34")  # of 460.41 USDT of margin


def test_open_trips_have_already_moved_the_wallet() -> None:
    assert booked(fold([opens(1, "2", "100"), funds(2, "0.5"), closes(3, "1", "110")])) == D(10) - D("0.2") - D("0.5")


def test_a_session_counts_its_winners() -> None:
    result = score([Usd(D(3)), Usd(D(-1)), Usd(D(0)), Usd(D(2))])
    assert (result.closed, result.wins, result.losses, result.realised) == (4, 2, 1, D(4))
    assert result.win_rate == D("0.5")
    assert score([]).win_rate is None
