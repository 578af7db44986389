"""What sets a market apart that another venue makes: whose time it has, and when it cannot be traded.

The market's clock is the venue's own, as heard, so it is never ahead of what is known, and a market that nothing is
heard of stands still. What was missed is played, in order, before anything newer.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol, runtime_checkable

from libs.common.units import Instant, Symbol
from services.paper_exchange.core.market.market import Bar
from services.paper_exchange.core.relayed.archive import Kind

SERVER_ERROR: Final = 10016
FILLING: Final = ("/v5/order/create", "/v5/order/amend")  # what could fill at a price that is no more


@runtime_checkable
class Relayed(Protocol):
    @property
    def horizon(self) -> Instant:
        """Everything up to here is known; the market's now."""
        ...

    def trouble(self, symbol: Symbol) -> str:
        """Why no order of `symbol` may be filled now; empty when it may."""
        ...

    def figures(self, symbol: Symbol) -> Mapping[str, str]:
        """What the venue's ticker says of things that nothing here can know, such as its open interest."""
        ...


@runtime_checkable
class Recalls(Protocol):
    """A market that asks its venue for what it does not remember."""

    async def recall(
        self,
        kind: Kind,
        symbol: Symbol,
        interval_ms: int,
        *,
        start: Instant | None,
        end: Instant | None,
        limit: int,
        now: Instant,
    ) -> Sequence[Bar]:
        """Like Market.bars, however old the candles are; raises Refused where they cannot be had."""
        ...

    async def recall_funding(self, symbol: Symbol, *, after: Instant, until: Instant) -> None:
        """Return when Market.settlements has all of a symbol's in (after, until]; raises Refused where it cannot."""
        ...


def may_fill(path: str) -> bool:
    """Whether a request could be filled at the price of the moment it is made."""
    return path.startswith(FILLING)
