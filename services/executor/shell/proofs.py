"""Every closed trade against the venue's own closed PnL: a difference is told, never corrected.

The venue lists what a position has earned a little after its last fill: until then the proof is owed. What it never
lists, or what no order of its own has closed, is told as unproved.
"""

from typing import Final

import structlog

from libs.common.errors import Transient
from libs.common.units import MINUTE_MS, ZERO, Instant
from services.executor.core.position import Trip
from services.executor.shell.desk import Desk

log = structlog.get_logger()

CENT: Final = 0.01
PATIENCE_MS: Final = MINUTE_MS  # of wall time


class Proofs:
    """Trades whose sum the venue has not confirmed yet."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._owed: dict[str, tuple[Trip, Instant]] = {}

    def owe(self, trip: Trip) -> None:
        self._owed[trip.position_id] = trip, self._desk.clock.now()

    async def look(self) -> None:
        """Compare what the venue has listed by now; a venue that does not answer is asked again."""
        looked, self._owed = self._owed, {}  # whoever looks meanwhile has others to look at
        for name, (trip, since) in looked.items():
            try:
                if await self._is_proved(trip):
                    continue
            except Transient as error:
                log.warning("trade.not_proved_yet", trade=name, reason=str(error))
                self._owed[name] = trip, since
                continue
            if self._desk.clock.now() - since < PATIENCE_MS:
                self._owed[name] = trip, since
            else:
                self._desk.counts["books_unproved"] += 1
                log.error("trade.unproved", trade=name)

    async def _is_proved(self, trip: Trip) -> bool:
        """Whether the venue has listed all that closed it."""
        rows = await self._desk.trading.closed_pnl(trip.symbol, since=trip.opened_at)
        orders = {done.order_id for done in trip.exits}
        mine = [row for row in rows if row.order_id in orders]
        if sum((row.closed_qty for row in mine), ZERO) != trip.closed:
            return False
        venue = sum((row.pnl for row in mine), ZERO)
        ours = trip.gross - trip.fees - trip.funding
        if abs(venue - ours) > CENT:
            self._desk.counts["books_differ"] += 1
            log.error("trade.differed", trade=trip.position_id, ours=str(ours), venue=str(venue))
        return True
