"""The connections to the live feed: a symbol that is gained later has one of its own, so that nobody else's is cut."""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Sequence
from dataclasses import dataclass
from typing import Final

from libs.common.units import Symbol
from services.fetcher.core.choice import Listing

MOST: Final = 8


@dataclass(slots=True)
class Connection:
    symbols: frozenset[Symbol]
    hearing: asyncio.Task[None]


class Connections:
    """`hear` runs one connection for the symbols that it is given, until it is cancelled."""

    def __init__(self, hear: Callable[[Sequence[Symbol]], Coroutine[None, None, None]]) -> None:
        self._hear = hear
        self._open: list[Connection] = []

    def follow(
        self,
        tasks: asyncio.TaskGroup,
        gained: Collection[Symbol],
        wanted: Sequence[Symbol],
        share: Collection[Symbol],
        listing: Listing,
    ) -> None:
        """Hear what of the share is listed and on no connection that is still of use, in the order of `wanted`.

        A venue refuses a whole connection for one symbol that is delisted, and a symbol on two would be heard twice.
        One that mostly tells of symbols that others fetch by now is opened anew: they would be read for nothing.
        """
        new, ours = frozenset(gained), frozenset(share)
        spent = [each for each in self._open if each.symbols & new or 2 * len(each.symbols & ours) < len(each.symbols)]
        spent += [each for each in self._open if each not in spent and not each.symbols <= listing.launched.keys()]
        if new and len(self._open) - len(spent) >= MOST:
            spent = list(self._open)
        for each in spent:
            each.hearing.cancel()
            self._open.remove(each)
        heard = frozenset[Symbol]().union(*(each.symbols for each in self._open))
        left = listing.launched.keys() & ours - heard
        symbols = [symbol for symbol in wanted if symbol in left]
        if symbols:
            self._open.append(Connection(frozenset(symbols), tasks.create_task(self._hear(symbols))))
