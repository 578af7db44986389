"""How often the venue may be asked: a key so many times a second at each endpoint, an address so many times in all.

1. Windows roll, and are counted on a clock that only grows: setting the machine's date opens none and closes none.
2. What is remembered is bounded: no more calls than the limits allow, no more addresses than `MOST_ADDRESSES`.
"""

from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

WINDOW_MS: Final = 1_000
LEAST_WAIT_MS: Final = 100  # a reset in the past makes some clients sleep a negative time
USUAL: Final = 10  # of a signed endpoint without a line of its own
PER_SECOND: Final[Mapping[str, int]] = {
    "/v5/order/create": 10,
    "/v5/order/amend": 10,
    "/v5/order/cancel": 10,
    "/v5/order/cancel-all": 10,
    "/v5/order/create-batch": 10,
    "/v5/order/amend-batch": 10,
    "/v5/order/cancel-batch": 10,
    "/v5/order/realtime": 50,
    "/v5/order/history": 50,
    "/v5/execution/list": 50,
    "/v5/position/list": 50,
    "/v5/position/closed-pnl": 50,
    "/v5/position/set-leverage": 10,
    "/v5/position/switch-mode": 10,
    "/v5/position/trading-stop": 10,
    "/v5/account/wallet-balance": 50,
    "/v5/account/info": 50,
    "/v5/account/set-margin-mode": 5,
    "/v5/account/fee-rate": 5,
    "/v5/user/query-api": 10,
    "/v5/asset/coin/query-info": 5,
}

REQUESTS: Final = 600  # of an address in
REQUESTS_MS: Final = 5_000
BAN_MS: Final = 600_000  # and what follows one more
CONNECTIONS: Final = 500  # of an address in
CONNECTIONS_MS: Final = 300_000
MOST_ADDRESSES: Final = 1_000


@dataclass(frozen=True, slots=True)
class Allowance:
    """What the response headers say; `granted` False is a 10006, and `wait_ms` how long until it may be asked again."""

    granted: bool
    limit: int
    left: int
    wait_ms: int = 0


class Rolling:
    """At most `most` events in any `window_ms`."""

    def __init__(self, most: int, window_ms: int) -> None:
        self._most, self._window_ms = most, window_ms
        self._events: deque[float] = deque()

    def take(self, at: float, cost: int = 1) -> bool:
        """Count `cost` events, all or none of them."""
        events = self._events
        while events and events[0] <= at - self._window_ms:
            events.popleft()
        if len(events) + cost > self._most:
            return False
        events.extend([at] * cost)
        return True

    @property
    def left(self) -> int:
        return self._most - len(self._events)

    def wait_ms(self, at: float) -> float:
        """How long until the oldest event leaves the window."""
        return self._events[0] + self._window_ms - at if self._events else 0.0


class Addresses:
    """One rolling window an address; the one that was seen longest ago is forgotten first."""

    def __init__(self, most: int, window_ms: int) -> None:
        self._most, self._window_ms = most, window_ms
        self._known: OrderedDict[str, Rolling] = OrderedDict()

    def take(self, address: str, at: float) -> bool:
        known = self._known.get(address)
        if known is None:
            known = self._known[address] = Rolling(self._most, self._window_ms)
            if len(self._known) > MOST_ADDRESSES:
                self._known.popitem(last=False)
        self._known.move_to_end(address)
        return known.take(at)


class Limits:
    """The venue's limits of one key and of every address; `at` is in milliseconds of a clock that only grows."""

    def __init__(self) -> None:
        self._calls: dict[str, Rolling] = {}
        self._requests = Addresses(REQUESTS, REQUESTS_MS)
        self._connections = Addresses(CONNECTIONS, CONNECTIONS_MS)
        self._banned: OrderedDict[str, float] = OrderedDict()

    def ask(self, path: str, at: float, cost: int = 1) -> Allowance:
        """Count a call of `path` (a batch costs what it holds, at most all there is), or refuse it."""
        limit = PER_SECOND.get(path, USUAL)
        calls = self._calls.get(path)
        if calls is None:
            calls = self._calls[path] = Rolling(limit, WINDOW_MS)
        if calls.take(at, min(cost, limit)):
            return Allowance(True, limit, calls.left)
        return Allowance(False, limit, calls.left, max(LEAST_WAIT_MS, round(calls.wait_ms(at))))

    def admits(self, address: str, at: float) -> bool:
        """Count a request of `address`; one too many and it is banned, whatever it asks and however seldom."""
        until = self._banned.get(address)
        if until is not None:
            if at < until:
                return False
            del self._banned[address]
        if self._requests.take(address, at):
            return True
        self._banned[address] = at + BAN_MS
        if len(self._banned) > MOST_ADDRESSES:
            self._banned.popitem(last=False)
        return False

    def connects(self, address: str, at: float) -> bool:
        """Count a socket of `address`, or refuse it."""
        return self._connections.take(address, at)
