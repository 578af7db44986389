"""The relayed market with the means to ask its venue for what it does not remember."""

from collections.abc import Iterable, Sequence

from libs.common.errors import Transient
from libs.common.exchange.market_types import Instrument
from libs.common.units import Instant, Symbol
from services.paper_exchange.adapters.markets.relay_history import RelayHistory
from services.paper_exchange.adapters.markets.upstream_rest import UpstreamRest
from services.paper_exchange.core.books.refusals import refusal
from services.paper_exchange.core.market.market import Bar
from services.paper_exchange.core.relayed.archive import Kind, Series
from services.paper_exchange.core.relayed.relay_market import RelayedMarket
from services.paper_exchange.core.relayed.relayed import SERVER_ERROR


class LiveMarket(RelayedMarket):
    def __init__(self, instruments: Iterable[Instrument], rest: UpstreamRest, *, start: Instant, horizon: Instant):
        super().__init__(instruments, start=start, horizon=horizon)
        self.history = RelayHistory(self, rest)

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
        """See Recalls.recall."""
        series = Series(kind, symbol, interval_ms)
        try:
            await self.history.recall(series, start=start, end=end, limit=limit, now=now)
        except Transient as error:
            if not self.remembers(series, start=start, end=end, limit=limit, now=now):
                raise refusal(SERVER_ERROR, f"Server error: {error}") from error
        return self.told(series, start=start, end=end, limit=limit, now=now)

    async def recall_funding(self, symbol: Symbol, *, after: Instant, until: Instant) -> None:
        """See Recalls.recall_funding."""
        try:
            await self.history.recall_funding(symbol, after, until)
        except Transient as error:
            raise refusal(SERVER_ERROR, f"Server error: {error}") from error
