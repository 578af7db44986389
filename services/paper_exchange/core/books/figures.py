"""What was reckoned of a leg's orders and position, kept until they change: the mark has no part in it."""

from dataclasses import dataclass, field

from libs.common.units import Usd
from services.paper_exchange.core.books.leg import Key
from services.paper_exchange.core.books.position import Position
from services.paper_exchange.core.margin.margin import Stake


@dataclass(slots=True)
class Figures:
    """tied: margin of resting orders. held: margin of an isolated position.

    stakes: positions as their margin saw them last, beside what it saw: also of one that is no longer so.
    """

    tied: dict[Key, Usd] = field(default_factory=dict)
    held: dict[Key, Usd] = field(default_factory=dict)
    stakes: dict[Key, tuple[Position, Stake]] = field(default_factory=dict)

    def forget(self, key: Key) -> None:
        """An order or the position of the leg changed."""
        self.tied.pop(key, None)
        self.held.pop(key, None)
