"""What a listing asks for: filters, a window of market time of at most seven days, and a page."""

from dataclasses import dataclass
from typing import Final

from libs.common.units import DAY_MS, Instant
from services.paper_exchange.core.books.fields import Fields
from services.paper_exchange.core.books.refusals import bad

WINDOW_MS: Final = 7 * DAY_MS


@dataclass(frozen=True, slots=True)
class Search:
    """Empty text means any; `before` is the number of the last row of the page before; ids outrank the rest."""

    symbol: str  # the one of a base coin too, as all of ours are settled in USDT
    order_id: str
    link_id: str
    kind: str
    start: Instant
    end: Instant
    limit: int
    before: int | None

    @property
    def by_id(self) -> bool:
        return bool(self.order_id or self.link_id)


def read_search(fields: Fields, now: Instant, *, most: int, usual: int, kind: str = "") -> Search | None:
    """Read a listing's parameters; None for a market that this exchange does not have: it lists nothing."""
    if fields.required("category") != "linear" or fields.text("settleCoin", "USDT") != "USDT":
        return None
    start, end = _window(fields, now)
    return Search(
        symbol=fields.text("symbol") or (f"{fields.text('baseCoin')}USDT" if fields.has("baseCoin") else ""),
        order_id=fields.text("orderId"),
        link_id=fields.text("orderLinkId"),
        kind=fields.text(kind) if kind else "",
        start=start,
        end=end,
        limit=min(max(fields.whole("limit", usual) or usual, 1), most),
        before=fields.whole("cursor"),
    )


def _window(fields: Fields, now: Instant) -> tuple[Instant, Instant]:
    start, end = fields.whole("startTime"), fields.whole("endTime")
    if start is None:
        end = now if end is None else end
        start = max(0, end - WINDOW_MS)
    elif end is None:
        end = start + WINDOW_MS
    if end < start or end - start > WINDOW_MS:
        raise bad("params error: the time range between startTime and endTime cannot exceed 7 days")
    return Instant(start), Instant(end)
