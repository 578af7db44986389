"""How far marks may go before an account in cross margin could fail: within these borders nobody looks at all of it.

What the account has beyond what it must keep is shared out among its open symbols by their value. While every mark is
within its symbol's borders no symbol has lost more than its share, so the account stands.

1. Within the borders no account has failed; beyond one it is looked at as a whole, and what is left shared out anew.
2. Borders are of one moment: whatever changes a position or the margin mode ends them.
"""

from decimal import Decimal
from typing import Final

from libs.common.units import ZERO, Side, Symbol, Usd
from services.paper_exchange.core.books import funds
from services.paper_exchange.core.books.books import Books
from services.paper_exchange.core.books.figures import HIGHEST, LOWEST, Borders, Slack
from services.paper_exchange.core.books.position import TAKER_FEE
from services.paper_exchange.core.margin.liquidation import cross_liquidation
from services.paper_exchange.core.margin.margin import maintenance_margin, unrealised

SHARED: Final = Decimal("0.99")  # the rest is for what divisions round
_NOWHERE: Final = Borders(HIGHEST, LOWEST)
_EVERYWHERE: Final = Borders(LOWEST, HIGHEST)


def fails(books: Books, symbol: Symbol) -> bool:
    """Whether a mark of `symbol` has let an account in cross margin fail."""
    slack = books.figures.slack
    if slack is None:
        slack = books.figures.slack = share_out(books)
    borders = slack.borders.get(symbol)
    if borders is None:
        borders = slack.borders[symbol] = _borders(books, symbol, slack)
    if borders.low < books.mark[symbol] < borders.high:
        return False
    books.figures.slack = None
    return funds.has_failed(books)


def share_out(books: Books) -> Slack:
    """Return what there is to lose now."""
    opened = books.open_positions()
    marks = {position.symbol: books.mark[position.symbol] for position in opened}
    worth = sum((position.size * marks[position.symbol] for position in opened), ZERO)
    return Slack(Usd(funds.equity(books) - funds.maintenance(books)), Usd(worth), marks)


def _borders(books: Books, symbol: Symbol, slack: Slack) -> Borders:
    """Return where the symbol's positions have lost their share since the slack was shared out."""
    opened = books.open_positions(symbol)
    if not opened:
        return _EVERYWHERE
    if slack.spare <= ZERO:
        return _NOWHERE
    legs, mark = [funds.stake(books, position) for position in opened], slack.marks[symbol]
    then = sum((unrealised(leg, mark) - maintenance_margin(leg, mark, TAKER_FEE) for leg in legs), ZERO)
    share = slack.spare * SHARED * (sum((leg.size for leg in legs), ZERO) * mark / slack.worth)
    low, high = (cross_liquidation(side, legs, Usd(share - then), TAKER_FEE) for side in (Side.LONG, Side.SHORT))
    return Borders(LOWEST if low is None else low, HIGHEST if high is None else high)
