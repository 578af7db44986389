"""Questions that are answered wrongly on order: positions of a while ago, no open orders."""

from collections.abc import Callable, Mapping
from typing import Final

from libs.common.clock import Clock
from services.paper_exchange.adapters.http.questions import Account
from services.paper_exchange.core.books.books import Books
from services.paper_exchange.core.books.changes import Moment
from services.paper_exchange.core.books.fields import Fields, Json
from services.paper_exchange.core.books.incidents import frozen
from services.paper_exchange.core.dialect.answers import ANSWERS
from services.paper_exchange.core.faults.faults import Faults, Misfortune, Standing
from services.paper_exchange.core.faults.subject import of_request, rows_of

Question = Callable[[Fields], Json]
POSITIONS: Final = "/v5/position/list"
ORDERS: Final = "/v5/order/realtime"


class Misled:
    """Remembers the books of the moment for every rule that answers with them."""

    def __init__(self, account: Account, faults: Faults, clock: Clock) -> None:
        self._account, self._faults, self._clock = account, faults, clock
        self._then: dict[int, tuple[Books, Moment]] = {}

    def remember(self, number: int) -> None:
        """Keep the books as they are now for the rule of this number, and forget those of rules that are over."""
        standing = self._faults.standing(self._clock.monotonic_ms())
        self._then = {each: then for each, then in self._then.items() if each in standing}
        self._then[number] = (frozen(self._account.books), self._account.moment())

    def answering(self, questions: Mapping[str, Question]) -> Mapping[str, Question]:
        """Return `questions`, two of which may now be answered wrongly."""
        positions, orders = questions[POSITIONS], questions[ORDERS]

        def held(fields: Fields) -> Json:
            told = positions(fields)
            standing = self._met(Misfortune.STALE_POSITIONS, POSITIONS, fields)
            if standing is None:
                return told
            books, moment = self._then[standing.number]
            then, rows = rows_of(ANSWERS[POSITIONS](books, fields, moment)["list"]), rows_of(told.get("list"))
            now = [row for row in rows if not standing.fault.has_row(row)]
            return {**told, "list": [*now, *(row for row in then if standing.fault.has_row(row))]}

        def open_orders(fields: Fields) -> Json:
            told = orders(fields)
            standing = self._met(Misfortune.HIDE_ORDERS, ORDERS, fields)
            if standing is None:
                return told
            return {**told, "list": [row for row in rows_of(told.get("list")) if not standing.fault.has_row(row)]}

        return {**questions, POSITIONS: held, ORDERS: open_orders}

    def _met(self, rule: Misfortune, path: str, fields: Fields) -> Standing | None:
        names = ("symbol", "orderId", "orderLinkId")
        subject = of_request(path, {name: fields.word(name) for name in names})
        return self._faults.meet({rule}, subject, self._clock.monotonic_ms())
