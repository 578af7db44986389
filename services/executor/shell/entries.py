"""Signals become entries: judged in one transaction, written down, and only then asked for."""

from typing import Final

import structlog

from libs.common import laps
from libs.common.bus import Bus, Delivery
from libs.common.contracts.signals import SignalMade
from libs.common.contracts.trades import CloseReason
from libs.common.errors import Misconfigured, Poison, Transient
from libs.common.exchange.trading_types import Accepted, RefusedForGood, Stamp, Unchanged, VenuePosition, Wallet
from libs.common.ids import ENTRY, OrderName
from libs.common.units import DAY_MS, MINUTE_MS, ZERO, Instant, Price, Symbol, Usd
from services.executor.adapters.ledger import Pages
from services.executor.adapters.metrics import EntryTimes
from services.executor.core.admission import EXPIRED, Approved, Declined, Standing, Wish, review
from services.executor.core.commit_points import ENTRY_ADMITTED, ENTRY_RECORDED, SIGNAL_DECLINED
from services.executor.core.intent import Intent
from services.executor.core.kept import Kept
from services.executor.core.order import OrderState
from services.executor.core.protections import Conditions, day_start
from services.executor.core.recovery import WHOLE_ACCOUNT
from services.executor.core.sizing import TooSmall, size
from services.executor.shell import events
from services.executor.shell.desk import LATE_MS, Desk, Facts, Grip
from services.executor.shell.exits import Exits
from services.executor.shell.sender import Sender

log = structlog.get_logger()

LOCK_WAIT_MS: Final = 500
PREPARED_AT_ONCE: Final = 5
FRESH_MS: Final = 3_000  # a report of the venue's is good for an admission for so long; a new one comes every second
LONGEST_REST_MS: Final = 5_000
AHEAD_MS: Final = DAY_MS  # however fast the market and however late its prices: no honest slot is this far ahead
UNBOOKED_MS: Final = 10 * MINUTE_MS  # for so long a fill that is known of and not booked takes its slot


class Entries:
    """The way in."""

    def __init__(self, desk: Desk, sender: Sender, exits: Exits) -> None:
        self._desk = desk
        self._sender = sender
        self._exits = exits
        self._levered: set[Symbol] = set()
        self._unlevered: set[Symbol] = set()  # a signal asks once more
        self._times = EntryTimes(desk.health.metrics.registry)

    async def handle(self, delivery: Delivery, signal: SignalMade, bus: Bus) -> None:
        """Acknowledge a signal when the ledger owns its intent, or when it is declined or skipped."""
        clock = self._desk.clock
        self._times.stage("wait", (clock.now() - signal.sent) / 1_000)

        def heard(stage: str, seconds: float) -> None:
            self._times.stage(stage, seconds)
            if stage == laps.ORDER_SIGNED:
                self._times.leaves((clock.now() - signal.sent) / 1_000)

        with laps.timed(clock, heard):
            while not await self._settled(signal):
                await bus.keep(delivery)
            await bus.ack(delivery)
            laps.ended("ack")

    async def _settled(self, signal: SignalMade) -> bool:
        """One try; False when an earlier request on the symbol could still arrive, and the signal must wait."""
        if signal.slot > self._desk.market.now() + AHEAD_MS:
            raise Poison(f"slot: {signal.slot} is more than a day ahead of the market's {self._desk.market.now()}")
        with self._desk.ledger.read() as pages:
            known = self._is_known(pages, signal)
            kept = pages.open_position(signal.symbol)
            rest = self._desk.rest_ms(pages, signal.symbol)
        if known or (kept is not None and await self._is_opposite(signal, kept)):
            return True
        if not await self._rested(signal, rest):
            return True
        laps.ended("gate")
        async with self._desk.hold(signal.symbol, wait_ms=LOCK_WAIT_MS) as grip:
            if grip is None:
                if self._desk.figures.keeps_order:  # a dead holder's lock ends by itself, and it decides nothing
                    raise Transient(f"{signal.symbol} is locked")
                self._desk.counts["skipped_locked"] += 1
                log.info("signal.skipped", symbol=signal.symbol, reason="another process has the symbol")
                return True
            laps.ended("lock")
            settled = await self._enter(signal, grip)
        laps.ended("unlock")
        return settled

    def _is_known(self, pages: Pages, signal: SignalMade) -> bool:
        """A replay: the ledger has this slot's intent or its position, or has declined this very signal.

        There is a position without its intent where the ledger was lost while the order was on its way.
        """
        link_id = entry_name(signal).link_id()
        known = pages.intent(link_id) is not None or pages.position(link_id) is not None
        known = known or pages.was_declined(signal.id)
        if known:
            self._desk.counts["duplicates_prevented"] += 1
            log.info("signal.known", symbol=signal.symbol, slot=signal.slot)
        return known

    async def _is_opposite(self, signal: SignalMade, kept: Kept) -> bool:
        if not self._desk.figures.exit_on_opposite or kept.position.side is signal.side:
            return False
        await self._exits.close(kept.position.position_id, CloseReason.SIGNAL, "the opposite side was signalled")
        self._decline(signal, Declined("opposite", "closed the position instead"))
        return True

    async def _rested(self, signal: SignalMade, rest: int) -> bool:
        if rest > LONGEST_REST_MS:
            self._decline(signal, Declined("busy", f"an earlier request may arrive for another {rest} ms"))
            return False
        if rest:
            await self._desk.clock.sleep(rest / 1_000)
        return True

    async def _enter(self, signal: SignalMade, grip: Grip) -> bool:
        if self._desk.market.now() > signal.valid_until:  # it may have waited for a silent venue
            self._decline(signal, EXPIRED)
            return True
        if not await self._lever(signal.symbol, grip.stamp()):
            self._decline(signal, Declined("leverage", "the venue did not confirm the leverage"))
            return True
        laps.ended("leverage")
        facts = await self._facts(signal.symbol)
        laps.ended("facts")
        verdict = self._admit(signal, grip, facts)
        laps.ended("admission")
        if verdict is None:
            return False
        if isinstance(verdict, Intent):
            self._desk.reached(ENTRY_ADMITTED)
            await self._sender.send(verdict, grip)
            self._desk.reached(ENTRY_RECORDED)
        else:
            self._desk.reached(SIGNAL_DECLINED)
        return True

    async def _facts(self, symbol: Symbol) -> Facts:
        """What the venue has, as reported after nothing of ours on the symbol could arrive any more, and not long ago.

        Entries since then are in the ledger; after an exit, or with something in doubt, an older report is no use.
        """
        desk = self._desk
        with desk.ledger.read() as pages:
            settled_at = pages.sent_at(symbol) + desk.figures.recv_window_ms + LATE_MS
        known, now = desk.facts, desk.clock.now()
        if known is None or known.at <= max(settled_at, desk.moved_at, now - FRESH_MS) or desk.figures.keeps_order:
            return await desk.read_facts()
        return known

    def _admit(self, signal: SignalMade, grip: Grip, facts: Facts) -> Intent | Declined | None:
        """Judge and write down in one transaction; None when the symbol needs more rest first."""
        desk = self._desk
        now = desk.clock.now()
        with desk.write() as pages:
            if 0 < desk.rest_ms(pages, signal.symbol) <= LONGEST_REST_MS:
                return None
            verdict = self._judge(pages, signal, grip, facts)
            if isinstance(verdict, Declined):
                self._log_declined(pages, signal, verdict)
                return verdict
            intent = intent_of(verdict, facts.wallet.equity, at=desk.market.now(), now=now)
            pages.add_intent(intent)
            pages.sent(signal.symbol, now)
            told = events.order_event(intent, desk.market.now())
            if told is not None:
                pages.emit(told, owner=desk.instance, now=now)
        log.info("signal.admitted", symbol=signal.symbol, side=signal.side, qty=str(intent.qty), stop=str(intent.stop))
        return intent

    def _judge(self, pages: Pages, signal: SignalMade, grip: Grip, facts: Facts) -> Approved | Declined:
        desk, positions, wallet = self._desk, facts.positions, facts.wallet
        free = Usd(wallet.available - reserved(pages, positions, facts.wallet_at))
        instrument = desk.instruments.get(signal.symbol)
        sized = (
            TooSmall("not listed")
            if instrument is None
            else size(
                signal.side,
                self._price(signal),
                signal.decision.atr,
                instrument,
                desk.figures.risk,
                equity=wallet.equity,
                free_margin=free,
                multiplier=signal.size_multiplier,
            )
        )
        wish = Wish(signal, sized, desk.market.now(), desk.figures.risk.max_positions, free)
        return review(
            wish, self._standing(pages, signal, grip, positions), self._seen(pages, signal, wallet), desk.figures.limits
        )

    def _standing(self, pages: Pages, signal: SignalMade, grip: Grip, positions: tuple[VenuePosition, ...]) -> Standing:
        live = pages.live_symbols()
        taken = {p.symbol for p in positions} | pages.open_symbols()
        taken |= {symbol for symbol, enters in live.items() if enters}
        taken |= pages.unbooked(since=Instant(self._desk.clock.now() - UNBOOKED_MS))
        reviews = pages.reviews()
        return Standing(
            fence_is_ours=pages.fence(signal.symbol) == grip.fence,
            level=self._desk.switch(pages).level,
            phase=self._desk.phase,
            taken=frozenset(taken),
            busy=signal.symbol in live,
            in_review=signal.symbol in reviews or WHOLE_ACCOUNT in reviews,
            known=signal.symbol in self._desk.instruments,
        )

    def _seen(self, pages: Pages, signal: SignalMade, wallet: Wallet) -> Conditions:
        now = self._desk.heard.now()
        return Conditions(
            symbol=signal.symbol,
            now=now,
            equity=wallet.equity,
            last_loss_at=pages.last_loss_at(signal.symbol),
            lost_today=pages.earned(day_start(now)),
            priced_at=self._desk.priced_at,
            clock_offset_ms=self._desk.clock_offset_ms,
        )

    def _price(self, signal: SignalMade) -> Price:
        """The newest price, or the decision's own where the stream has none newer."""
        seen = self._desk.prices.get(signal.symbol)
        return seen.last if seen is not None and seen.at >= signal.at else signal.decision.price

    async def prepare(self) -> None:
        """Set the leverage of some symbols that are watched and flat, so that their first signal does not wait for it.

        Without a lock, for it does no harm twice: a venue that is silent now must not keep a signal from the symbol.
        """
        desk = self._desk
        if desk.figures.keeps_order:
            return
        with desk.ledger.read() as pages:
            busy = pages.open_symbols() | pages.live_symbols().keys()
        done = self._levered | self._unlevered | busy
        for symbol in [one for one in desk.prices if one in desk.instruments and one not in done][:PREPARED_AT_ONCE]:
            if not await self._lever(symbol, Stamp(desk.clock.now(), desk.figures.recv_window_ms)):
                self._unlevered.add(symbol)

    async def _lever(self, symbol: Symbol, stamp: Stamp | None) -> bool:
        """Set the leverage once, before the first entry of a symbol; False when the venue will not.

        Raises Transient when the venue has not said: the signal waits for it, as long as it is valid.
        """
        if symbol in self._levered or symbol not in self._desk.instruments:
            return True
        if stamp is None:
            raise Transient(f"the lock of {symbol} ran out before the leverage was set")
        outcome = await self._desk.trading.set_leverage(symbol, self._desk.leverage(symbol), stamp)
        if isinstance(outcome, Accepted | Unchanged):
            self._levered.add(symbol)
            return True
        log.warning("leverage.refused", symbol=symbol, outcome=str(outcome))
        if isinstance(outcome, RefusedForGood):
            return False
        raise Transient(f"the leverage of {symbol} is not confirmed")

    def _decline(self, signal: SignalMade, why: Declined) -> None:
        with self._desk.write() as pages:
            self._log_declined(pages, signal, why)

    def _log_declined(self, pages: Pages, signal: SignalMade, why: Declined) -> None:
        pages.decline(signal.id, signal.symbol, signal.side, why, at=self._desk.market.now())
        self._desk.counts[f"declined_{why.rule}"] += 1
        log.info("signal.declined", symbol=signal.symbol, side=signal.side, rule=why.rule, reason=why.text)


def entry_name(signal: SignalMade) -> OrderName:
    """The order that this signal, or any other for the same candle, may lead to. Raises Poison if none can be named."""
    name = OrderName(signal.symbol, signal.slot, ENTRY)
    try:
        name.link_id()
    except Misconfigured as error:
        raise Poison(str(error)) from error
    return name


def reserved(pages: Pages, positions: tuple[VenuePosition, ...], asked: Instant) -> Usd:
    """Margin of entries that the wallet's report cannot contain yet, unknown ones among them."""
    there = {position.symbol for position in positions}
    return Usd(sum((margin for symbol, margin in pages.entry_margins(asked) if symbol not in there), ZERO))


def intent_of(approved: Approved, equity: Usd, *, at: Instant, now: Instant) -> Intent:
    """Write an approved wish down as it will be asked for; `at` is market time, `now` wall time."""
    signal, sized = approved.signal, approved.sized
    link_id = entry_name(signal).link_id()
    return Intent(
        link_id=link_id,
        position_id=link_id,
        symbol=signal.symbol,
        side=signal.side,
        purpose=ENTRY,
        qty=sized.qty,
        stop=sized.stop,
        margin=sized.margin,
        state=OrderState.SUBMITTING,
        cause=signal.id,
        trace=signal.trace,
        at=at,
        valid_until=signal.valid_until,
        sent_at=now,
        touched_at=now,
        equity=equity,
        decision=signal.decision,
    )
