from decimal import Decimal as D

from libs.common.contracts.postmortems import Category, Severity
from libs.common.units import Instant, Symbol, Usd
from services.postmortem.core.statistics import Outcome, Share, statistics


def outcome(pnl: str, category: Category | None = None, severity: Severity | None = None, number: int = 0) -> Outcome:
    return Outcome(f"t{number}", Symbol("BTCUSDT"), Usd(D(pnl)), Instant(number), category, severity)


def test_nothing_traded_has_no_win_rate() -> None:
    told = statistics([])
    assert (told.trades, told.win_rate, told.pnl_usd) == (0, None, D(0))


def test_wins_losses_and_a_draw_are_told_apart() -> None:
    told = statistics([outcome("2"), outcome("1.5"), outcome("-1", Category.LOW_EDGE, Severity.LOW), outcome("0")])
    assert (told.trades, told.wins, told.losses, told.reports) == (4, 2, 1, 1)
    assert (told.win_rate, told.pnl_usd, told.loss_usd) == (D("0.6667"), D("2.5"), D(-1))


def test_the_costliest_category_comes_first() -> None:
    told = statistics(
        [
            outcome("-1", Category.LOW_EDGE, Severity.LOW),
            outcome("-1", Category.LOW_EDGE, Severity.MEDIUM),
            outcome("-5", Category.SLIPPAGE, Severity.MEDIUM),
        ]
    )
    assert list(told.by_category.items()) == [
        ("SLIPPAGE", Share(1, Usd(D(-5)))),
        ("LOW_EDGE", Share(2, Usd(D(-2)))),
    ]
    assert told.by_severity == {"MEDIUM": Share(2, Usd(D(-6))), "LOW": Share(1, Usd(D(-1)))}
