"""Misfortunes on order: which rules are in force, and what befalls a request, a frame or an order.

1. Each subject meets the first rule of its kind that fits, and no other.
2. Chance is a function of the rule's seed and of how often it was met: the same story has the same misfortunes.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from hashlib import blake2b
from typing import Final

from libs.common.errors import Refused
from libs.common.units import Fraction
from services.paper_exchange.core.books.books import WHOLE
from services.paper_exchange.core.books.fields import Json
from services.paper_exchange.core.books.order import Order
from services.paper_exchange.core.faults.subject import Stream, Subject, of_order

MOST_RULES: Final = 100
ALWAYS: Final = 1_000_000  # times


class Misfortune(StrEnum):
    LOSE_REQUEST = "lose_request"  # the connection is closed, and nothing happened
    DROP_REPLY = "drop_reply"  # accepted, and the connection is closed without an answer
    DELAY = "delay"  # the request lies about before its time is checked
    HTTP_ERROR = "http_error"  # `status` instead of an answer; with `accepted` it happened all the same
    REFUSE = "refuse"  # answered with `ret_code`, and nothing happens
    REFUSE_STOP = "refuse_stop"  # the same for whatever sets a stop: trading-stop, and orders that bring one
    UNREADABLE = "unreadable"  # garbage instead of JSON; what was asked happened, unless `accepted` is false
    DROP_FRAMES = "drop_frames"
    DUPLICATE_FRAMES = "duplicate_frames"
    REORDER_FRAMES = "reorder_frames"  # after the next one, or after `delay_ms` if none comes
    DELAY_FRAMES = "delay_frames"  # and all that follow on that connection
    STALE_POSITIONS = "stale_positions"  # position/list answers what it was when the rule was made
    HIDE_ORDERS = "hide_orders"  # order/realtime shows nothing, as after a restart of the venue
    PARTIAL_FILL = "partial_fill"  # only `fraction` of an order finds somebody to trade with
    CLOCK = "clock"  # the venue's wall clock is `offset_ms` fast, or slow if negative
    DISCONNECT = "disconnect"  # at once: sockets are cut
    LOSE_STOP = "lose_stop"  # at once: stops of open positions are gone
    RESTART = "restart"  # at once: everything is cut, and comes back from disk after `down_ms`


M = Misfortune
REQUESTS: Final = frozenset(
    {M.LOSE_REQUEST, M.DROP_REPLY, M.DELAY, M.HTTP_ERROR, M.REFUSE, M.REFUSE_STOP, M.UNREADABLE}
)
FRAMES: Final = frozenset({M.DROP_FRAMES, M.DUPLICATE_FRAMES, M.REORDER_FRAMES, M.DELAY_FRAMES})
ANSWERS: Final = frozenset({M.STALE_POSITIONS, M.HIDE_ORDERS})  # rows of an answer, whatever it is an answer to


@dataclass(frozen=True, slots=True)
class Fault:
    """One rule: what it hits (an empty word fits everything), how often, and what it does."""

    rule: Misfortune
    endpoint: str = ""  # how the path ends
    symbol: str = ""
    order: str = ""  # the venue's id or the client's
    topic: str = ""  # or how it begins, up to a dot
    stream: Stream | None = None
    times: int = 1
    probability: float = 1.0
    seed: int = 0
    for_ms: int | None = None  # time after which it is over
    delay_ms: int = 0
    status: int = 0
    ret_code: int = 0
    ret_msg: str = ""
    accepted: bool = False
    fraction: Fraction = WHOLE
    offset_ms: int = 0
    down_ms: int = 0

    def fits(self, subject: Subject) -> bool:
        return (
            subject.path.endswith(self.endpoint)
            and self._names(self.symbol, subject.symbols)
            and self._names(self.order, subject.orders)
            and (not self.topic or f"{subject.topic}.".startswith(f"{self.topic}."))
            and self.stream in {None, subject.stream}
            and (self.rule is not M.REFUSE_STOP or subject.has_stop)
        )

    def _names(self, word: str, named: frozenset[str]) -> bool:
        """Whether what a subject names is what the rule is about; a question about everything is about it too."""
        return not word or word in named or (self.rule in ANSWERS and not named)

    def has_row(self, row: Json) -> bool:
        """Whether a row of an answer is one of those that it is about."""
        ids = (row.get("orderId"), row.get("orderLinkId"))
        return self.symbol in {"", row.get("symbol")} and (not self.order or self.order in ids)

    def strikes(self, met: int) -> bool:
        """Whether chance lets it hit what it meets for the `met`-th time."""
        if self.probability >= 1:
            return True
        drawn = blake2b(f"{self.seed}|{met}".encode(), digest_size=8).digest()
        return int.from_bytes(drawn) < self.probability * 2**64


@dataclass(frozen=True, slots=True)
class Standing:
    """A rule in force."""

    number: int
    fault: Fault
    until: float | None
    met: int = 0
    hits: int = 0

    def is_over(self, at: float) -> bool:
        return self.hits >= self.fault.times or (self.until is not None and at >= self.until)


class Faults:
    """The rules in force, in the order in which they were made.

    `at`: milliseconds of a clock that only grows, and that no rule can make fast or slow.
    """

    def __init__(self) -> None:
        self._standing: dict[int, Standing] = {}
        self._made = 0
        self._kinds: frozenset[Misfortune] = frozenset()

    def standing(self, at: float) -> Mapping[int, Standing]:
        """The rules in force, by their numbers."""
        self._forget(at)
        return dict(self._standing)

    def has_any(self, kinds: Collection[Misfortune]) -> bool:
        """Whether any rule of these kinds may be in force: quick, for the usual case that there is none."""
        return not self._kinds.isdisjoint(kinds)

    def add(self, fault: Fault, at: float) -> int:
        """Put a rule in force and return its number; raises Refused when there are too many."""
        self._forget(at)
        if len(self._standing) >= MOST_RULES:
            raise Refused(f"at most {MOST_RULES} rules: DELETE them first")
        self._made += 1
        until = None if fault.for_ms is None else at + fault.for_ms
        self._standing[self._made] = Standing(self._made, fault, until)
        self._note_kinds()
        return self._made

    def clear(self) -> None:
        self._standing.clear()
        self._note_kinds()

    def meet(self, kinds: Collection[Misfortune], subject: Subject, at: float) -> Standing | None:
        """Return the rule that befalls this subject, counted; None when it is spared."""
        if self._kinds.isdisjoint(kinds):
            return None
        self._forget(at)
        for standing in self._standing.values():
            fault = standing.fault
            if fault.rule not in kinds or not fault.fits(subject):
                continue
            struck = fault.strikes(standing.met)
            after = replace(standing, met=standing.met + 1, hits=standing.hits + struck)
            self._standing[standing.number] = after
            return after if struck else None
        return None

    def scarcity(self, order: Order) -> Fraction:
        """Return how much of an order finds somebody to trade with."""
        if M.PARTIAL_FILL not in self._kinds:
            return WHOLE
        hit = self.meet({M.PARTIAL_FILL}, of_order(order), 0.0)
        return WHOLE if hit is None else hit.fault.fraction

    def offset_ms(self, at: float) -> int:
        """How much the venue's wall clock is ahead; the newest rule counts."""
        if M.CLOCK not in self._kinds:
            return 0
        self._forget(at)
        offsets = [each.fault.offset_ms for each in self._standing.values() if each.fault.rule is M.CLOCK]
        return offsets[-1] if offsets else 0

    def _forget(self, at: float) -> None:
        over = [number for number, each in self._standing.items() if each.is_over(at)]
        for number in over:
            del self._standing[number]
        if over:
            self._note_kinds()

    def _note_kinds(self) -> None:
        self._kinds = frozenset(each.fault.rule for each in self._standing.values())
