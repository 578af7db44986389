"""Entries by lot, for demonstrations and for load: the moment and the side are a function of seed, symbol and slot.

1. The same seed, symbol and slot draw the same lot, whatever was drawn before, on any machine.
2. Nothing of the market is in the draw: exits and sizing alone make the result.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from hashlib import blake2b
from typing import Final

from libs.common.units import Fraction, Instant, Side, Symbol, Timeframe
from services.predictor.core.judgement import Case, Judgement, Reason
from services.predictor.core.slots import SLOT

EVEN: Final = Fraction(Decimal("0.5"))  # what a coin knows


@dataclass(frozen=True, slots=True)
class Lot:
    """A drawn entry; no lot at all means no entry."""

    side: Side
    rationale: str


def draw(seed: int, symbol: Symbol, slot: Instant, *, rate: Decimal) -> Lot | None:
    """Draw for one symbol at one 15m close; an entry comes with probability `rate`, either side alike."""
    digest = blake2b(f"random|{seed}|{symbol}|{slot}".encode(), digest_size=9).digest()
    if Decimal(int.from_bytes(digest[:8])) >= rate * 2**64:
        return None
    side = Side.LONG if digest[8] & 1 else Side.SHORT
    order = "BUY" if side is Side.LONG else "SELL"
    return Lot(side, f"random policy, seed {seed}: {order} by lot, no model was asked")


@dataclass(frozen=True, slots=True)
class RandomPolicy:
    """The policy that draws: it waits for the 15m candle only, whose ATR sizes the entry."""

    seed: int
    rate: Decimal
    timeframes: tuple[Timeframe, ...] = (SLOT,)
    version: str = ""

    @property
    def name(self) -> str:
        return f"random:{self.seed}"

    def judge(self, cases: Sequence[Case]) -> Sequence[Judgement]:
        return [self._judge(case) for case in cases]

    def _judge(self, case: Case) -> Judgement:
        lot = draw(self.seed, case.symbol, case.slot, rate=self.rate)
        if lot is None:
            return Judgement(None, Reason.NOT_DRAWN, f"random policy, seed {self.seed}: no lot for this slot")
        return Judgement(lot.side, Reason.ADVISED, lot.rationale, confidence=EVEN)
