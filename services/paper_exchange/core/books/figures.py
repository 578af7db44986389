"""What was reckoned of a leg's orders and position, kept until they change: the mark has no part in it."""

from dataclasses import dataclass, field

from libs.common.units import Usd
from services.paper_exchange.core.books.leg import Key
from services.paper_exchange.core.books.position import Position
from services.paper_exchange.core.margin.margin import Stake


@dataclass(slots=True)
class Figures:
    """tied: margin of resting orders. held: margin of isolated positions. Of the `changed` legs both are out of date.

    stakes: positions as their margin saw them last, beside what it saw: also of one that is no longer so.
    """

    changed: set[Key] = field(default_factory=set)
    tied: dict[Key, Usd] = field(default_factory=dict)
    held: dict[Key, Usd] = field(default_factory=dict)
    stakes: dict[Key, tuple[Position, Stake]] = field(default_factory=dict)
