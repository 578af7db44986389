"""What goes wrong at the exchange and with Redis, by name, and at which moment of a story it begins."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pydantic import JsonValue

Order = Mapping[str, JsonValue]  # a body of POST /paper/v1/faults


class Moment(StrEnum):
    START = "start"
    ENTRY = "entry"
    MANAGING = "managing"
    EXIT = "exit"


class Hand(StrEnum):
    """What somebody does at the venue himself."""

    OPENS = "opens"
    CLOSES = "closes"


@dataclass(frozen=True, slots=True)
class Fault:
    """One misfortune: rules of the exchange, or something that is done to it by hand."""

    begins: Moment
    rules: Sequence[Order] = ()
    hand: Hand | None = None
    tempts: bool = False  # nothing goes wrong: more signals than slots, all closed with a gain, the same ones again
    loses: bool = False  # the market goes against every position
    hurries: bool = False  # the next candle is there before anybody knows what became of the last one's entries
    forgets: bool = False  # Redis loses the locks of stops that are being moved
    contradicts: bool = False  # what was declined is signalled anew at the moment when a sleeper wakes


CREATE: Final = "/order/create"
STOP: Final = "/position/trading-stop"
_ALWAYS: Final = 1_000_000


def _asked(rule: str, endpoint: str, times: int = 1, **more: JsonValue) -> Order:
    return {"rule": rule, "endpoint": endpoint, "times": times, **more}


def _often(rule: str, endpoint: str, probability: float, **more: JsonValue) -> Order:
    return {"rule": rule, "endpoint": endpoint, "probability": probability, "times": 40, **more}


def _frames(rule: str, probability: float, **more: JsonValue) -> Order:
    return {"rule": rule, "stream": "private", "probability": probability, "times": _ALWAYS, **more}


def _at(moment: Moment, *rules: Order) -> Fault:
    return Fault(moment, rules)


_E, _M, _X, _S = Moment.ENTRY, Moment.MANAGING, Moment.EXIT, Moment.START
FAULTS: Final[Mapping[str, Fault]] = {
    "none": Fault(_S),
    "entry reply dropped": _at(_E, _asked("drop_reply", CREATE, 2)),
    "entry request lost": _at(_E, _asked("lose_request", CREATE, 2)),
    "entry delayed": _at(_E, _asked("delay", CREATE, 2, delay_ms=2_000)),
    "entry delayed past its window": _at(_E, _asked("delay", CREATE, 1, delay_ms=4_500)),
    "entry 502, accepted": _at(_E, _asked("http_error", CREATE, 2, accepted=True)),
    "entry 503, nothing happened": _at(_E, _asked("http_error", CREATE, 1, status=503)),
    "entry 10006": _at(_E, _asked("refuse", CREATE, 3, ret_code=10006)),
    "entry 10002": _at(_E, _asked("refuse", CREATE, 2, ret_code=10002)),
    "entry 10016": _at(_E, _asked("refuse", CREATE, 1, ret_code=10016)),
    "entry answer unreadable": _at(_E, _asked("unreadable", CREATE, 2)),
    "entry filled in part": _at(_E, {"rule": "partial_fill", "times": 2, "fraction": "0.4"}),
    "exit reply dropped": _at(_X, _asked("drop_reply", CREATE, 2)),
    "exit request lost": _at(_X, _asked("lose_request", CREATE, 2)),
    "exit delayed": _at(_X, _asked("delay", CREATE, 1, delay_ms=4_000)),
    "exit 10006": _at(_X, _asked("refuse", CREATE, 2, ret_code=10006)),
    "exit 502, accepted": _at(_X, _asked("http_error", CREATE, 1, accepted=True)),
    "exit answer unreadable": _at(_X, _asked("unreadable", CREATE, 2)),
    "exit filled in part": _at(_X, {"rule": "partial_fill", "times": 2, "fraction": "0.4"}),
    "stop reply dropped": _at(_M, _asked("drop_reply", STOP, 2)),
    "stop request lost": _at(_M, _asked("lose_request", STOP, 2)),
    "stop delayed": _at(_M, _asked("delay", STOP, 1, delay_ms=2_500)),
    "stop refused": _at(_M, {"rule": "refuse_stop", "endpoint": STOP, "times": 1}),
    "stop 502": _at(_M, _asked("http_error", STOP, 2)),
    "stop lost": _at(_M, {"rule": "lose_stop"}),
    "frames dropped": _at(_S, _frames("drop_frames", 0.5)),
    "fills not pushed": _at(_S, _frames("drop_frames", 1, topic="execution")),
    "frames doubled": _at(_S, _frames("duplicate_frames", 0.5)),
    "frames reordered": _at(_S, _frames("reorder_frames", 0.5, delay_ms=700)),
    "frames delayed": _at(_S, _frames("delay_frames", 0.3, delay_ms=1_500)),
    "socket cut at the entry": _at(_E, {"rule": "disconnect", "stream": "private"}),
    "socket cut at the exit": _at(_X, {"rule": "disconnect", "stream": "private"}),
    "positions stale after the entry": _at(_E, {"rule": "stale_positions", "for_ms": 2_500}),
    "positions stale after the exit": _at(_X, {"rule": "stale_positions", "for_ms": 2_500}),
    "open orders hidden": _at(_S, {"rule": "hide_orders", "for_ms": 15_000}),
    "reads of positions fail": _at(_S, _often("http_error", "/position/list", 0.15)),
    "reads of executions fail": _at(_S, _often("http_error", "/execution/list", 0.4)),
    "reads of orders fail": _at(_S, _often("lose_request", "/order/realtime", 0.5)),
    "clock fast": _at(_M, {"rule": "clock", "offset_ms": 1_800, "for_ms": 6_000}),
    "clock slow": _at(_M, {"rule": "clock", "offset_ms": -1_800, "for_ms": 6_000}),
    "clock fast from the start": _at(_S, {"rule": "clock", "offset_ms": 900}),
    "clock slow from the start": _at(_S, {"rule": "clock", "offset_ms": -900}),
    "exchange restarted at the entry": _at(_E, {"rule": "restart", "down_ms": 600}),
    "exchange restarted while managing": _at(_M, {"rule": "restart", "down_ms": 1_200}),
    "exchange restarted at the exit": _at(_X, {"rule": "restart", "down_ms": 600}),
    "entry delayed into the next candle": Fault(_E, [_asked("delay", CREATE, 1, delay_ms=13_000)], hurries=True),
    "entry unheard and unseen": Fault(
        _E,
        [
            _asked("drop_reply", CREATE, 4),
            {"rule": "drop_frames", "stream": "private", "times": 24},
            {"rule": "stale_positions", "for_ms": 9_000},
        ],
        hurries=True,
        tempts=True,
    ),
    "a day of losses": Fault(_S, tempts=True, loses=True),
    "a tempting day": Fault(_S, tempts=True),
    "a tempting day of slow entries": Fault(_E, [_asked("delay", CREATE, 4, delay_ms=1_000)], tempts=True),
    "next candle at once": Fault(_E, hurries=True),
    "locks lost while stops move": Fault(_M, [_often("delay", "/position/list", 0.4, delay_ms=1_200)], forgets=True),
    "position opened by hand": Fault(_M, hand=Hand.OPENS),
    "position closed by hand": Fault(_M, hand=Hand.CLOSES),
}

# Asked for by name alone: with the right blow they leave one measure as the last that holds.
DIRECTED: Final[Mapping[str, Fault]] = {
    "a sleeper wakes over his order": Fault(
        _E, [_asked("delay", CREATE, 8, delay_ms=1_000)], tempts=True, contradicts=True
    ),
}


def fault_named(name: str) -> Fault:
    return {**FAULTS, **DIRECTED}[name]


class RedisFate(StrEnum):
    KEPT = "kept"
    COLD = "cold"  # everything that it held is gone when the executor comes back
    FLUSHED = "flushed"  # the same, while the executor runs
    KILLED = "killed"  # SIGKILL, and back from its own disk
    GROUP_LOST = "group lost"
