"""Explain every losing trade once; a winner is only counted."""

from collections.abc import Sequence

from libs.common.contracts.message import Message
from libs.common.contracts.postmortems import PostmortemWritten
from libs.common.contracts.trades import TradeClosed
from libs.common.units import Instant
from services.postmortem.core.report import explain, is_loss, lesson_of


class Postmortem:
    """Remembers the trade being handled, so that a winner, which has no report, can be filed too."""

    reads: Sequence[str] = ("trade",)

    def __init__(self) -> None:
        self._taken: list[TradeClosed] = []

    def decide(self, message: Message, _now: Instant) -> Sequence[Message]:
        """Return the report and the lesson of a loss, nothing for a winner. Raises Poison."""
        if not isinstance(message, TradeClosed):
            return ()
        self._taken = [message]
        return explained(message)

    def taken(self) -> Sequence[TradeClosed]:
        """Give the trades decided on since the last call."""
        taken, self._taken = self._taken, []
        return taken


def explained(trade: TradeClosed) -> tuple[PostmortemWritten, Message] | tuple[()]:
    """Return what is published of a trade. Raises Poison when its figures admit of no report."""
    if not is_loss(trade):
        return ()
    report = explain(trade)
    return report, lesson_of(report)
