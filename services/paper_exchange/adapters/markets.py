"""Opens the market that the settings ask for."""

from pathlib import Path

from libs.common.clock import parse_iso
from libs.common.errors import Misconfigured
from libs.common.settings.sections import MarketSection, PaperSection
from libs.common.units import MINUTE_MS, Instant
from services.paper_exchange.adapters.replay import replay_market
from services.paper_exchange.adapters.synthetic import synthetic_market
from services.paper_exchange.core.board import Board


def open_market(paper: PaperSection, market: MarketSection, *, wall: Instant) -> Board:
    """Return the market of `paper.market`; raises Misconfigured naming the key and what is allowed.

    A synthetic market in real time (`paper.speed` 1) starts at the wall's minute, so that its dates look like today's.
    """
    start, end = _moment("paper.from", paper.start), _moment("paper.to", paper.end)
    if paper.market == "live":
        raise Misconfigured("paper.market = live: not offered; allowed are synthetic and replay:<dir>")
    if paper.market == "synthetic":
        if start is None and paper.speed == 1:
            start = Instant(wall // MINUTE_MS * MINUTE_MS)
        return synthetic_market(seed=paper.seed, symbols=paper.symbols, start=start, end=end)
    folder = Path(paper.market.removeprefix("replay:")).expanduser()
    return replay_market(folder, symbols=market.symbols, start=start, end=end)


def _moment(key: str, text: str) -> Instant | None:
    if not text:
        return None
    try:
        return parse_iso(text)
    except ValueError as error:
        raise Misconfigured(f"{key} = {text!r}: must be an ISO date or date-time, such as 2025-09-15") from error
