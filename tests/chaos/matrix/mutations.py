"""Safety measures that can be switched off in a forked executor, by name, to show that the oracle sees it.

Each entry patches the product inside the child, after the fork and before anything runs: `Cell.mutation` names it.
"""

from collections.abc import Callable, Mapping
from typing import Final

MUTATIONS: Final[Mapping[str, Callable[[], None]]] = {}
