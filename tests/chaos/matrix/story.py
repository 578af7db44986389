"""What happens in a run: signals, commands, a market that moves against some, misfortunes, deaths, and an orderly end.

The story never waits for ever: what has not happened in time is left behind, and the oracle judges what came of it.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Final

from libs.common.bus import Bus
from libs.common.contracts.commands import Flatten
from libs.common.contracts.market import PriceMoved
from libs.common.contracts.message import Message, message_id
from libs.common.contracts.positions import OpenPosition
from libs.common.contracts.signals import SignalMade
from libs.common.ids import ENTRY, OrderName
from libs.common.units import MINUTE_MS, SECOND_MS, Instant, Price, Qty, Side, Symbol, Timeframe, floor_to
from services.executor.adapters.ledger import Ledger, Pages
from services.executor.core import commit_points as at
from services.executor.core.kept import PositionStatus
from tests.chaos.matrix.cell import Cell
from tests.chaos.matrix.executor_process import MOST_POSITIONS, PREFIX
from tests.chaos.matrix.faults import Fault, Hand, Moment, RedisFate, fault_named
from tests.chaos.matrix.household import Household
from tests.chaos.matrix.patience import until
from tests.chaos.matrix.tape import BEFORE_MS, START, SYMBOLS
from tests.chaos.matrix.temptations import Said
from tests.chaos.matrix.world import Exchange, RedisServer
from tests.support import builders

PATIENCE_S: Final = 9.0  # for what usually takes a moment
LONG_S: Final = 25.0  # for what has to wait until nothing of an earlier request can arrive
LONGEST_S: Final = 60.0  # for what depends on how fast the machine is
ORPHANED_S: Final = 40.0  # until somebody has looked often enough for another's order, and sent it anew
TEMPTING: Final = 4  # signals at once: one more than there are slots
HURRY_S: Final = 6.5  # longer than a client waits, and than an order is looked for before it is given up
ATR: Final = Decimal("0.01")  # of the price: stops lie two per cent away
TICK: Final = Decimal("0.1")
HALTS: Final = frozenset({at.CANCEL_SENT, at.SWITCH_TURNED})


@dataclass
class Story:
    cell: Cell
    venue: Exchange
    redis: RedisServer
    bus: Bus
    people: Household
    ledger: Callable[[], Ledger]
    faults: int = 0
    said: Said = field(default_factory=Said)
    dice: Random = field(init=False)
    signals: list[SignalMade] = field(default_factory=list)
    _said: int = 0
    _redis_struck: bool = False

    def __post_init__(self) -> None:
        self.dice = self.cell.dice

    @property
    def fault(self) -> Fault:
        return fault_named(self.cell.fault)

    async def tell(self) -> None:
        await self._prices()
        await self._befalls(Moment.START)
        self.people.begin()
        await self._until(self._is_ready)
        await self._moves({}, BEFORE_MS)
        await self._enters(START, self.dice.choice((1, 2, 2, 3, 4)))
        await self._manages()
        await self._leaves()
        await self._replays()
        await self._enters(await self._quarters_pass(), self.dice.choice((1, 1, 2)))
        await self._echoes()
        await self._manages()
        if self.people.missed or not self.people.kills:
            self.people.kill_one()
        await self._flattens()

    def _is_ready(self) -> bool:
        """Whether every executor has recovered once, or died of trying."""
        with self.ledger().read() as pages:
            return pages.tally()["successes"] >= self.cell.executors or bool(self.people.kills)

    @property
    def _tempts(self) -> bool:
        return self.fault.tempts

    async def _enters(self, slot: Instant, number: int) -> None:
        """Signals for a candle, some of them twice, some contradicted by a swapped model."""
        await self._befalls(Moment.ENTRY)
        chosen = SYMBOLS[:TEMPTING] if self._tempts else self.dice.sample(SYMBOLS, number)
        made = [self._signal(symbol, slot, self.dice.choice(tuple(Side))) for symbol in chosen]
        twice = [signal for signal in made if self.dice.random() < 0.4]
        swapped = [self._signal(s.symbol, slot, s.side.opposite) for s in made if self.dice.random() < 0.3]
        self.signals += made
        await self._says(*self._late_ones(slot), *made, *twice, *swapped)
        if HALTS & {blow.point for blow in self.cell.blows} or (self.dice.random() < 0.1 and not self._tempts):
            await asyncio.sleep(0.3)
            await self._says(builders.halt(id=self._id("halt")))
        if self.fault.hurries and slot == START:
            made = await self._hurries(made)
        if self.fault.contradicts and slot == START:
            await self._contradicts(made)
        await self._until(lambda: self._are_settled(made))
        await self._says(builders.entries_resume(id=self._id("resume"), halted=True))

    def _late_ones(self, slot: Instant) -> list[SignalMade]:
        """What was advised for the first candle, and comes with the last one's signals."""
        known = {signal.symbol for signal in self.said.signals}
        never = [symbol for symbol in SYMBOLS if symbol not in known]
        return [] if slot == START else [self._signal(symbol, START, Side.LONG) for symbol in never]

    async def _hurries(self, made: Sequence[SignalMade]) -> list[SignalMade]:
        """The next candle closes while requests are on their way, and is signalled when the first are given up."""
        slot = Instant(START + Timeframe.M15.ms)
        await self._until(lambda: self._are_asked(made))
        await asyncio.sleep(1)
        await self._moves({}, slot + MINUTE_MS - self.venue.now)
        await asyncio.sleep(HURRY_S)
        following = [self._signal(signal.symbol, slot, signal.side) for signal in made]
        await self._says(*following)
        return following

    async def _contradicts(self, made: Sequence[SignalMade]) -> None:
        """A model that was swapped has another opinion of everything, just when somebody wakes from a pause."""
        if await self._until(lambda: bool(self.people.pauses), within_s=ORPHANED_S):
            opinions = {symbol: Side.LONG for symbol in SYMBOLS} | {s.symbol: s.side.opposite for s in made}
            await self._says(*(self._signal(symbol, START, side) for symbol, side in opinions.items()))

    async def _replays(self) -> None:
        """Every signal once more, while it is good still: some of their positions are closed."""
        if self._tempts:
            await self._until(lambda: not self._held(), within_s=LONG_S)
        await self._says(*self.said.signals)
        await self._until(self._is_read, within_s=LONG_S)

    async def _echoes(self) -> None:
        """Old commands once more: their positions are closed, their symbols may have others."""
        held = {position.symbol: position.position_id for position in self._held()}
        await self.bus.publish(*self.said.echo(held, self.venue.now))
        await self._until(self._is_read)

    def _is_read(self) -> bool:
        """Whether everything that was said was taken."""
        groups = {stream: self.redis.client.exists(f"{PREFIX}{stream}") for stream in ("signal", "command")}
        told = [self.redis.client.xinfo_groups(f"{PREFIX}{stream}") for stream, there in groups.items() if there]
        return not any(group["lag"] or group["pending"] for each in told for group in each)

    def _are_asked(self, made: Iterable[SignalMade]) -> bool:
        """Whether each signal was declined, or its order is wanted."""
        with self.ledger().read() as pages:
            names = [(signal.id, OrderName(signal.symbol, signal.slot, ENTRY).link_id()) for signal in made]
            return all(pages.was_declined(told) or pages.intent(link) is not None for told, link in names)

    def _are_settled(self, made: Iterable[SignalMade]) -> bool:
        """Whether each signal was declined, or its order is at an end and its fills are booked."""
        with self.ledger().read() as pages:
            return all(_is_settled(pages, signal) for signal in made)

    async def _manages(self) -> None:
        """The market moves; stops follow where it goes well, and are hit where it does not."""
        await self._befalls(Moment.MANAGING)
        held = self._held()
        well = {p.symbol: _moved(self.venue.price(p.symbol), p.side.sign * Decimal("0.012")) for p in held}
        await self._moves(well, 20 * SECOND_MS)
        for position in self._held():
            await self._says(*self._stops_for(position))
        if self.fault.forgets:
            for _ in range(3):
                await asyncio.sleep(0.3)
                self._forget_locks()
        await self._until(self._are_tight, within_s=3)
        badly = {p.symbol: _moved(self.venue.price(p.symbol), p.side.sign * Decimal("-0.06")) for p in held}
        hit = self._hit(sorted(badly))
        await self._moves({symbol: badly[symbol] for symbol in hit}, 40 * SECOND_MS)
        await self._until(lambda: not {p.symbol for p in self._held()} & set(hit), within_s=3)

    def _hit(self, held: Sequence[Symbol]) -> Sequence[Symbol]:
        if self.fault.loses:
            return held
        return [] if self._tempts else self.dice.sample(held, min(len(held), self.dice.randint(0, 2)))

    def _forget_locks(self) -> None:
        for key in self.redis.client.scan_iter(f"{PREFIX}lock:*"):
            self.redis.client.delete(key)

    def _are_tight(self) -> bool:
        return all(p.stop is not None and p.stop != p.initial_stop for p in self._held())

    def _stops_for(self, position: OpenPosition) -> list[Message]:
        """What trailing would ask: tighter, twice, and out of order at times."""
        price = self.venue.price(position.symbol)
        stops = [_moved(price, position.side.sign * Decimal(part)) for part in ("-0.012", "-0.008", "-0.010")]
        named = {"symbol": position.symbol, "position_id": position.position_id, "side": position.side}
        return [
            builders.stop_move(id=self._id("stop"), stop=stop, version=position.version, **named)
            for stop in self.dice.sample(stops, self.dice.choice((1, 1, 2)))
        ]

    async def _leaves(self) -> None:
        """A part of one position, the whole of another."""
        await self._befalls(Moment.EXIT)
        asked: list[Message] = []
        for number, position in enumerate(self._held()):
            named = {"symbol": position.symbol, "position_id": position.position_id, "side": position.side}
            if not self._tempts and (number == 0 or self.dice.random() < 0.3):
                part = Qty(floor_to(position.qty / 2, Decimal("0.001")))
                reduce = builders.position_reduce(id=self._id("reduce"), qty=part, version=position.version, **named)
                asked += [reduce] * self.dice.randint(1, 2)
            else:
                close = builders.position_close(id=self._id("close"), version=position.version, **named)
                asked += [close] * self.dice.randint(1, 2)
        await self._says(*asked)
        await self._until(lambda: all(p.partial_exits for p in self._held()), within_s=6)

    async def _quarters_pass(self) -> Instant:
        """Past a funding settlement and every cooldown, on to the next candle's close; returns that close.

        An hour passes between two requests: an entry that is on its way then would be late for no fault of anybody's,
        and so would a signal that nobody has read or that is being judged.
        """
        await self._until(lambda: self._is_read() and not self._are_entering(), within_s=LONGEST_S)
        end = Instant(START + 75 * MINUTE_MS)
        await self._moves({}, end - self.venue.now)
        return end

    def _is_done_entering(self) -> bool:
        """Whether every signal was taken, also those that were said twice, and came to its end."""
        return self._is_read() and not self._are_entering() and self._are_settled(self.signals)

    def _are_entering(self) -> bool:
        """Whether an entry may still be sent, or be at the venue without our knowing how it ended."""
        with self.ledger().read() as pages:
            return any(pages.live_symbols().values())

    async def _flattens(self) -> None:
        await self._says(builders.flatten(id=self._id("flatten")))

    async def insists(self) -> None:
        """Ask again for the end: the stream may have been lost with what was in it."""
        await self._flattens()

    # What a step is made of.

    async def _befalls(self, moment: Moment) -> None:
        """Let go wrong what goes wrong at this moment."""
        if self.fault.begins is moment:
            for rule in self.fault.rules:
                await self.venue.befalls(rule)
                self.faults += 1
            if self.fault.hand is not None:
                await self._by_hand(self.fault.hand)
        if self.cell.redis_at is moment and not self._redis_struck and self.cell.redis is not RedisFate.COLD:
            self._redis_struck = True
            await self._redis_suffers()

    async def _redis_suffers(self) -> None:
        match self.cell.redis:
            case RedisFate.FLUSHED:
                self.redis.empty()
            case RedisFate.KILLED:
                await self.redis.die(0.4)
            case RedisFate.GROUP_LOST:
                self.redis.lose_groups()
            case _:
                return
        self.faults += 1

    async def _by_hand(self, hand: Hand) -> None:
        held = {p.symbol: p for p in self._held()}
        if hand is Hand.OPENS:
            is_quiet = await self._until(self._is_done_entering)  # a signal may come again after it was declined
            there = {position.symbol for position in self.venue.world.books.open_positions()}
            free = [symbol for symbol in SYMBOLS if symbol not in there]
            if len(there) >= MOST_POSITIONS or not is_quiet:
                return  # who trades by hand beside an executor that may be full breaks its limit himself
            await self.venue.trades_by_hand(self.dice.choice(free), "Buy", Decimal("0.5"), reduce=False)
        elif held:
            position = held[self.dice.choice(sorted(held))]
            side = "Sell" if position.side is Side.LONG else "Buy"
            await self.venue.trades_by_hand(position.symbol, side, position.qty, reduce=True)
        self.faults += 1

    async def _moves(self, prices: dict[Symbol, Price], ms: int) -> None:
        await self.venue.moves(prices, ms)
        await self._prices()

    async def _prices(self) -> None:
        now = self.venue.now
        told = [(symbol, self.venue.price(symbol)) for symbol in SYMBOLS]
        moved = [builders.price(s, str(p), id=message_id(PriceMoved, s, str(now)), at=now) for s, p in told]
        await self._says(*moved)

    async def _says(self, *messages: Message) -> None:
        self.said.hears(messages)
        await self.bus.publish(*messages)

    def _id(self, kind: str) -> str:
        """Every wish has its own id; every message that is said twice keeps it."""
        self._said += 1
        return message_id(Flatten, kind, str(self._said))

    def _signal(self, symbol: Symbol, slot: Instant, side: Side) -> SignalMade:
        price = self.venue.price(symbol)
        decision = builders.decision(price=price, atr=Price(price * ATR))
        until = Instant(slot + Timeframe.M15.ms)
        return builders.signal(
            symbol,
            side=side,
            slot=slot,
            at=slot,
            valid_until=until,
            decision=decision,
            id=message_id(SignalMade, symbol, str(slot), side),
        )

    def _held(self) -> list[OpenPosition]:
        with self.ledger().read() as pages:
            return [kept.position for kept in pages.positions(PositionStatus.OPEN)]

    async def _until(self, answer: Callable[[], bool], *, within_s: float = PATIENCE_S) -> bool:
        self.people.check()
        return await until(answer, within_s=within_s)


def _is_settled(pages: Pages, signal: SignalMade) -> bool:
    link = OrderName(signal.symbol, signal.slot, ENTRY).link_id()
    intent = pages.intent(link)
    if intent is None:
        return pages.was_declined(signal.id)
    return intent.state.is_terminal and (not intent.filled or pages.position(link) is not None)


def _moved(price: Price, part: Decimal) -> Price:
    return Price(floor_to(price * (1 + part), TICK))
