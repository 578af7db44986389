"""The ports for exclusion: a lock for one operation, a lease for a standing share.

Both are for speed and order; what must never go wrong is guarded by the ledger's fence and the venue's ids.
"""

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from libs.common.units import Instant, Symbol


class Held(Protocol):
    """A lock that is held: renewed in the background until it is let go."""

    @property
    def verified_at(self) -> Instant:
        """Wall time when Redis last confirmed that the lock is ours: a late request is dated with it."""
        ...

    def remaining_ms(self) -> int:
        """Wall milliseconds that are surely left of the lock; 0 when it may be lost."""
        ...


class Locks(Protocol):
    def hold(self, symbol: Symbol, *, wait_ms: int) -> AbstractAsyncContextManager[Held | None]:
        """Take `lock:{SYMBOL}` for one operation; None when another holder kept it for `wait_ms`.

        Renewed while the body runs and always let go, also on errors, and only if it is still ours.
        Raises Transient when Redis cannot be reached.
        """
        ...


class Leases(Protocol):
    """One replica's share of the symbols of its service: `lease:{service}:{SYMBOL}`."""

    @property
    def unowned(self) -> int:
        """How many of the wanted symbols nobody had when the last claim was answered."""
        ...

    async def claim(self, wanted: tuple[Symbol, ...], *, urgent: frozenset[Symbol] = frozenset()) -> frozenset[Symbol]:
        """Renew what is held, take what is free and fair, and return what is held now.

        Fair: of W symbols each of R live replicas has W // R, and W % R of them one more. No symbol moves that need
        not: what a replica has it keeps while its share is fair. Within a share `urgent` symbols come first, for
        a free one another is given up; then earlier ones of `wanted`.
        Call it about every second; a lease not renewed for its length (5 s) is free for others. When Redis has
        forgotten everybody, each takes again what it held, and for a lease's length no more.
        """
        ...

    async def release(self) -> None:
        """Give everything back at once, for a quick hand-over on a clean stop."""
        ...
