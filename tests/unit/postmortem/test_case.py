from decimal import Decimal as D

from services.postmortem.core.case import open_case
from services.postmortem.core.decomposition import decompose
from services.postmortem.core.summary import summarise
from tests.support.trades import trade


def test_a_case_is_the_trade_with_all_that_follows_from_it() -> None:
    lost = trade()
    case = open_case(lost)
    assert (case.summary, case.parts, case.loss) == (summarise(lost), decompose(lost), D("2.1"))
