"""How many symbols are whose, and when a replica may not trust that nobody has one."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from libs.common.units import Symbol


def fair(wanted: int, replicas: int, others: Collection[int]) -> int:
    """How many of `wanted` symbols one of `replicas` may have, when each of the others has so many.

    All have `wanted // replicas`, and `wanted % replicas` of them one more: whoever has one more keeps it while no
    more than that many do.
    """
    least, more = divmod(wanted, replicas)
    return least + 1 if sum(has > least for has in others) < more else least


def by_seniority(symbols: Sequence[Symbol], held: Sequence[Symbol]) -> tuple[Symbol, ...]:
    """Return `symbols` with those that are `held` first, in their order there: what came last is given back first."""
    named, known = frozenset(symbols), frozenset(held)
    return (*(symbol for symbol in held if symbol in named), *(symbol for symbol in symbols if symbol not in known))


@dataclass(slots=True)
class Memory:
    """What a replica knows of having been forgotten; times are monotonic milliseconds."""

    _claimed: float | None = None
    _cautious_until: float = 0.0

    def is_cautious(self, now: float) -> bool:
        """Whether only what was held may be taken: what looks free may be somebody's who was forgotten too."""
        return now < self._cautious_until

    def claimed(self, now: float, *, is_forgotten: bool, length_ms: int) -> None:
        """Note a claim. Whoever is forgotten before the lease has run out knows that the server lost its memory.

        Then it is cautious for a lease's length: by then all the others have claimed again.
        """
        if is_forgotten and self._claimed is not None and now - self._claimed < length_ms:
            self._cautious_until = now + length_ms
        self._claimed = now
