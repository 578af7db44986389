"""Every signed question by its path, answered from the books in memory or from those on disk."""

import sqlite3
from collections.abc import Mapping
from functools import partial
from typing import Protocol

from libs.common.units import Instant
from services.paper_exchange.adapters.http.history import LISTINGS, Listing
from services.paper_exchange.adapters.http.private_rest import Question
from services.paper_exchange.core.books.books import Books
from services.paper_exchange.core.books.changes import Moment
from services.paper_exchange.core.books.fields import Fields, Json
from services.paper_exchange.core.dialect.answers import ANSWERS, Answer


class Account(Protocol):
    @property
    def books(self) -> Books: ...

    @property
    def now(self) -> Instant:
        """Market time."""
        ...

    def moment(self) -> Moment: ...


def questions(account: Account, connection: sqlite3.Connection) -> Mapping[str, Question]:
    """Return what answers each path."""

    def held(answer: Answer, fields: Fields) -> Json:
        return answer(account.books, fields, account.moment())

    def written(listing: Listing, fields: Fields) -> Json:
        return listing(connection, fields, account.now)

    return {
        **{path: partial(held, answer) for path, answer in ANSWERS.items()},
        **{path: partial(written, listing) for path, listing in LISTINGS.items()},
    }
