"""What was reckoned of orders and positions, kept until they change: where the marks are now has no part in it."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, NamedTuple

from libs.common.units import Price, Symbol, Usd
from services.paper_exchange.core.books.leg import Key
from services.paper_exchange.core.books.position import Position
from services.paper_exchange.core.margin.margin import Stake

HIGHEST: Final = Price(Decimal("Infinity"))
LOWEST: Final = Price(-HIGHEST)


class Borders(NamedTuple):
    """Strictly between them the mark of a symbol does not matter."""

    low: Price
    high: Price


@dataclass(slots=True)
class Slack:
    """What an account in cross margin had beyond what it must keep, and where its marks were; `worth` is their value.

    borders: those that were asked for so far.
    """

    spare: Usd
    worth: Usd
    marks: dict[Symbol, Price]
    borders: dict[Symbol, Borders] = field(default_factory=dict)


@dataclass(slots=True)
class Figures:
    """tied: margin of resting orders. held: margin of isolated positions. Of the `changed` legs both are out of date.

    stakes: positions as their margin saw them last, beside what it saw: also of one that is no longer so.
    """

    changed: set[Key] = field(default_factory=set)
    tied: dict[Key, Usd] = field(default_factory=dict)
    held: dict[Key, Usd] = field(default_factory=dict)
    stakes: dict[Key, tuple[Position, Stake]] = field(default_factory=dict)
    slack: Slack | None = None
