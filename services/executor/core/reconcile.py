"""Three-way match of the venue's positions, the ledger's positions and our own order ids.

1. Every symbol with a position on either side gets exactly one verdict.
2. The venue is right about what is open; the ledger is right about why.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from libs.common.contracts.positions import OpenPosition
from libs.common.exchange.trading_types import VenuePosition
from libs.common.units import Symbol

ROUNDING: Final = Decimal("0.0001")  # the venue rounds its average price


class Verdict(StrEnum):
    SAME = "same"
    RESIZED = "resized"  # same side, other size or entry price
    FLIPPED = "flipped"  # the other side is open: somebody traded through it
    GONE = "gone"  # closed at the venue
    OURS = "ours"  # explained by an entry of ours whose fill we have not booked
    FOREIGN = "foreign"  # nobody here asked for it


@dataclass(frozen=True, slots=True)
class Match:
    symbol: Symbol
    verdict: Verdict
    held: OpenPosition | None
    venue: VenuePosition | None

    def told(self) -> str:
        """One sentence for the recovery log."""
        held = f"{self.held.side} {self.held.qty} @ {self.held.entry:.8g}" if self.held else "nothing"
        venue = f"{self.venue.side} {self.venue.qty} @ {self.venue.entry:.8g}" if self.venue else "flat"
        return f"{self.verdict}: ledger {held}, venue {venue}"


def match(
    held: Mapping[Symbol, OpenPosition], venue: Sequence[VenuePosition], entering: frozenset[Symbol]
) -> Sequence[Match]:
    """Return one verdict a symbol, sorted; `entering` are symbols with an entry of ours that may be live or filled."""
    there = {position.symbol: position for position in venue}
    return [
        Match(
            symbol,
            _verdict(held.get(symbol), there.get(symbol), symbol in entering),
            held.get(symbol),
            there.get(symbol),
        )
        for symbol in sorted({*held, *there})
    ]


def _verdict(held: OpenPosition | None, venue: VenuePosition | None, entering: bool) -> Verdict:
    if held is None:
        return Verdict.OURS if entering else Verdict.FOREIGN
    if venue is None:
        return Verdict.GONE
    if held.side is not venue.side:
        return Verdict.FLIPPED
    same_price = abs(held.entry - venue.entry) <= venue.entry * ROUNDING
    return Verdict.SAME if held.qty == venue.qty and same_price else Verdict.RESIZED
