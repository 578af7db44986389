import pytest

from libs.common.contracts.positions import OpenPosition
from libs.common.exchange.trading_types import VenuePosition
from libs.common.units import Side, Symbol
from services.executor.core.reconcile import Verdict, match
from tests.support.matches import BTC, at_venue, held

ETH = Symbol("ETHUSDT")


@pytest.mark.parametrize(
    ("ledger", "venue", "entering", "verdict"),
    [
        (held(), at_venue(), False, Verdict.SAME),
        (held(entry="100"), at_venue(entry="100.009"), False, Verdict.SAME),  # the venue rounds its average
        (held(entry="100"), at_venue(entry="101"), False, Verdict.RESIZED),
        (held(qty="1"), at_venue(qty="2"), False, Verdict.RESIZED),
        (held(), at_venue(side=Side.SHORT), False, Verdict.FLIPPED),
        (held(), None, False, Verdict.GONE),
        (None, at_venue(), True, Verdict.OURS),
        (None, at_venue(), False, Verdict.FOREIGN),
    ],
)
def test_each_pair_has_one_verdict(
    ledger: OpenPosition | None, venue: VenuePosition | None, entering: bool, verdict: Verdict
) -> None:
    [found] = match({BTC: ledger} if ledger else {}, [venue] if venue else [], frozenset({BTC} if entering else ()))
    assert found.verdict is verdict
    assert str(verdict) in found.told()


def test_every_symbol_of_either_side_is_judged_once_in_order() -> None:
    found = match({ETH: held(ETH)}, [at_venue(BTC)], frozenset())
    assert [(m.symbol, m.verdict) for m in found] == [(BTC, Verdict.FOREIGN), (ETH, Verdict.GONE)]
