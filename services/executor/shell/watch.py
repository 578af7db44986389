"""What happens at the venue and in the market, taken in as it comes."""

import structlog

from libs.common.bus import Bus
from libs.common.contracts.market import CandleClosed, PriceMoved
from libs.common.contracts.message import Message
from libs.common.errors import Transient
from libs.common.exchange.trading_types import (
    ExecutionFrame,
    OrderFrame,
    PositionFrame,
    PrivateEvent,
    StreamDown,
    StreamUp,
    WalletFrame,
)
from libs.common.retry import backoff
from libs.common.units import HOUR_MS
from services.executor.shell.books import Books
from services.executor.shell.desk import MARKET, Desk

log = structlog.get_logger()


class Watch:
    """The executor's ears."""

    def __init__(self, desk: Desk, books: Books) -> None:
        self._desk = desk
        self._books = books

    async def venue(self) -> None:
        """Follow the private stream for ever."""
        async for event in self._desk.trading.private():
            for pause in backoff(first=0.05, ceiling=1.0):
                try:
                    self.take(event)
                    break
                except Transient as error:  # the ledger is busy: the frame waits
                    log.warning("frame.waiting", reason=str(error))
                    await self._desk.clock.sleep(pause)

    def take(self, event: PrivateEvent) -> None:
        """Take one frame in; repeats and reordering change nothing."""
        desk = self._desk
        match event:
            case ExecutionFrame(execution=done, at=at):
                desk.hear(at)
                self._books.book([done])
            case OrderFrame(order=order, at=at):
                desk.hear(at)
                self._books.order_seen(order)
            case PositionFrame(symbol=symbol, position=position):
                with desk.ledger.read() as pages:
                    is_known = symbol in pages.open_symbols()
                    # the fill of an entry of ours is on its way, and its sender asks for it if it does not come
                    is_awaited = pages.live_symbols().get(symbol, False)
                if position is not None and position.stop is None:
                    desk.alarm.set()
                if (position is None and is_known) or (position is not None and not is_known and not is_awaited):
                    desk.doubt(symbol)
            case WalletFrame(wallet=wallet):
                desk.wallet = wallet
            case StreamUp():
                log.info("stream.up")
                desk.doubted.set()
            case StreamDown(reason=reason):
                log.warning("stream.down", reason=reason)

    async def market(self, bus: Bus) -> None:
        """Follow prices and candles for ever: they carry the market's time."""
        async for delivery in bus.read(MARKET):
            self.heard(delivery.message)
            await bus.ack(delivery)

    def heard(self, message: Message) -> None:
        desk = self._desk
        before = desk.market.now()
        now = desk.hear(message.at)
        if isinstance(message, PriceMoved):
            known = desk.prices.get(message.symbol)
            if known is None or message.at >= known.at:  # a fetcher that was stopped may wake with an older one
                desk.prices[message.symbol] = message
            desk.priced_at = message.at if desk.priced_at is None else max(desk.priced_at, message.at)
        if isinstance(message, CandleClosed | PriceMoved) and before // HOUR_MS != now // HOUR_MS and self._is_open():
            desk.doubted.set()  # funding may have been settled, and the stream does not say so at every venue

    def _is_open(self) -> bool:
        try:
            with self._desk.ledger.read() as pages:
                return bool(pages.open_symbols())
        except Transient:  # the ledger is away: a look too many harms nobody
            return True
