"""The port for the venue's patience: how often an address may ask, shared by all who ask from it.

Orders are never counted and never wait here: the address's limit less what is kept for them is what there is.
"""

from typing import Final, Protocol

ADDRESS_REQUESTS: Final = 600  # the venue's limit of an address in
WINDOW_MS: Final = 5_000
RESERVE: Final = 120  # kept for orders, stops and what the executor asks for
SHARED: Final = ADDRESS_REQUESTS - RESERVE


class Budget(Protocol):
    async def turn(self) -> None:
        """Return when one more request may leave; in any window no more do than are shared.

        Turns are given in the order of asking. Raises Transient when it would take longer than `LONGEST_WAIT_MS`: the
        address is shut out, or too much is waiting; and when Redis cannot be reached.
        """
        ...

    async def hold_off(self, ms: int) -> None:
        """Let nobody send for `ms` from now: the venue said so. A shorter wait than the one in force changes nothing.

        Raises Transient when Redis cannot be reached.
        """
        ...


LONGEST_WAIT_MS: Final = 15_000
JITTER: Final = 0.25  # of a wait that everybody has: at its end they must not all come at once
