from services.postmortem.core.advice import ADVICE, advise
from services.postmortem.core.case import open_case
from services.postmortem.core.category import RULES, categorise
from tests.support.trades import trade


def test_every_category_that_a_rule_can_find_has_advice() -> None:
    assert len(ADVICE) == len(RULES)


def test_advice_follows_the_findings_in_their_order() -> None:
    findings = categorise(open_case(trade(naked_ms=3_000)))
    assert advise(findings) == tuple(ADVICE[each.category] for each in findings)
