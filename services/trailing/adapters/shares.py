"""This replica's share of the open positions: the leases of their symbols.

A share is for order, not for safety: two replicas that speak for one symbol send commands with the same ids.
"""

from collections.abc import Sequence
from typing import Final, Protocol

import structlog

from libs.common.clock import Clock
from libs.common.contracts.message import Message
from libs.common.locks import Leases
from libs.common.units import Symbol

log = structlog.get_logger()

RENEW_S: Final = 1.0


class Shareholder(Protocol):
    @property
    def symbols(self) -> tuple[Symbol, ...]:
        """The symbols that somebody has to speak for."""
        ...

    def take(self, share: frozenset[Symbol]) -> None:
        """Speak for these symbols from now on, and for no others."""
        ...


class Shares:
    """Renewed every second; a symbol that is new is claimed before its first message is acknowledged."""

    def __init__(self, leases: Leases, holder: Shareholder, *, clock: Clock) -> None:
        self._leases = leases
        self._holder = holder
        self._clock = clock
        self._wanted: frozenset[Symbol] = frozenset()
        self._held: frozenset[Symbol] = frozenset()

    async def renew(self) -> None:
        """Keep the share for ever."""
        while True:
            await self.claim()
            await self._clock.sleep(RENEW_S)

    async def keep(self, _decisions: Sequence[Message]) -> None:
        """Claim at once what was first heard of with the message that is being handled."""
        if not self._wanted.issuperset(self._holder.symbols):
            await self.claim()

    async def claim(self) -> None:
        """Renew and claim, and let the holder speak for what it has now."""
        wanted = self._holder.symbols
        held = await self._leases.claim(wanted)
        if held != self._held:
            log.info("share.changed", held=sorted(held), wanted=len(wanted))
        self._wanted, self._held = frozenset(wanted), held
        self._holder.take(held)
