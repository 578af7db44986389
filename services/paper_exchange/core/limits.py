"""How many requests a second each endpoint takes, as the venue counts them: a rolling second."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from libs.common.units import Instant

WINDOW_MS: Final = 1_000
LEAST_WAIT_MS: Final = 100  # a reset in the past makes some clients sleep a negative time
PER_SECOND: Final[Mapping[str, int]] = {
    "/v5/order/create": 10,
    "/v5/order/amend": 10,
    "/v5/order/cancel": 10,
    "/v5/order/cancel-all": 10,
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


@dataclass(frozen=True, slots=True)
class Allowance:
    """What the response headers say; `granted` False is a 10006."""

    granted: bool
    limit: int
    left: int
    reset_at: Instant


class Limits:
    """Counts the calls of one key; holds no more instants than the limits allow calls."""

    def __init__(self) -> None:
        self._calls: dict[str, deque[Instant]] = {}

    def ask(self, path: str, now: Instant) -> Allowance:
        """Count one call of `path` at wall `now`, or refuse it."""
        limit = PER_SECOND[path]
        calls = self._calls.setdefault(path, deque())
        while calls and calls[0] <= now - WINDOW_MS:
            calls.popleft()
        if len(calls) >= limit:
            return Allowance(False, limit, 0, Instant(max(calls[0] + WINDOW_MS, now + LEAST_WAIT_MS)))
        calls.append(now)
        return Allowance(True, limit, limit - len(calls), now)
