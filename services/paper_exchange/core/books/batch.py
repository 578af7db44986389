"""What is kept in one transaction: everything that happened since the last one, and where the clock stands."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.paper_exchange.core.books.changes import Change, Moment


@dataclass(frozen=True, slots=True)
class RequestMade:
    """One create, amend, cancel or trading-stop, accepted or refused."""

    method: str
    path: str
    symbol: str
    link_id: str
    ret_code: int


@dataclass(frozen=True, slots=True)
class Batch:
    """All of it has one wall time, the batch's: what came in one turn cannot be told apart by it."""

    changes: Sequence[Change]
    requests: Sequence[RequestMade]
    moment: Moment

    @property
    def is_heartbeat(self) -> bool:
        """Whether it says nothing but the time."""
        return not self.changes and not self.requests
