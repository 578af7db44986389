"""What a service says of itself over HTTP: live, ready, metrics, and how far it has read.

`/health/progress` is for lockstep: the market waits until every service has handled everything.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from libs.common.units import Instant


@dataclass(slots=True)
class Health:
    """Mutable self-report of one process, written by its service and served by its HTTP server.

    `waiting_for` maps a reason ("training 15m") to its progress ("40 %"); ready when it is empty.
    """

    service: str
    waiting_for: dict[str, str] = field(default_factory=lambda: {"starting": ""})
    cursors: Mapping[str, str] = field(default_factory=dict)  # broadcast stream -> entry id handled last
    market_ms: Instant = Instant(0)  # everything the venue pushed up to here is handled (fetcher, executor)
    in_flight: int = 0  # effects begun and not ended
    facts: dict[str, int] = field(default_factory=dict)  # such as executions known to the ledger

    @property
    def ready(self) -> bool:
        return not self.waiting_for

    def wait_for(self, reason: str, progress: str = "") -> None:
        self.waiting_for.pop("starting", None)
        self.waiting_for[reason] = progress

    def done_with(self, reason: str) -> None:
        self.waiting_for.pop("starting", None)
        self.waiting_for.pop(reason, None)
