"""A venue that stops answering some questions while everything else about it goes on."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest

from libs.common.errors import Transient
from libs.common.exchange.memory import MemoryVenue
from libs.common.exchange.trading_types import ExecutionPage

LOOK_UPS: Final = ("find_order", "executions", "positions", "open_orders", "order_history")


class Outage:
    """Reads of these names raise Transient from `begins` to `ends`: nobody heard anything."""

    def __init__(self, venue: MemoryVenue, *questions: str) -> None:
        self._venue, self._questions = venue, questions
        self._patch = pytest.MonkeyPatch()

    def begins(self) -> None:
        async def unanswered(*_: Any, **__: Any) -> Any:
            raise Transient("no answer")

        for question in self._questions:
            self._patch.setattr(self._venue, question, unanswered)

    def ends(self) -> None:
        self._patch.undo()


@contextmanager
def nothing_listed(venue: MemoryVenue, *questions: str) -> Iterator[None]:
    """The venue answers, and its lists do not have yet what it has done: empty, and not found."""

    async def empty(*_: Any, **__: Any) -> Any:
        return []

    async def not_found(*_: Any, **__: Any) -> None:
        return None

    async def no_page(*_: Any, **__: Any) -> ExecutionPage:
        return ExecutionPage((), None)

    answers = {"find_order": not_found, "executions": no_page}
    with pytest.MonkeyPatch.context() as patch:
        for question in questions:
            patch.setattr(venue, question, answers.get(question, empty))
        yield
