"""ccxt's bybit and the error it raises, without the two hundred other exchanges that ccxt's packages load with it.

Those take half a second and 40 MB of every process that starts. So while bybit is imported its packages stand there
empty, with the few names that its modules want of them. Then they go again: whoever imports ccxt afterwards has all of
it, with these same classes.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Final

_PACKAGES: Final = ("ccxt", "ccxt.async_support", "ccxt.pro")


@contextmanager
def _empty_packages() -> Iterator[None]:
    """Let modules of ccxt be imported without what their packages do; nothing where ccxt is loaded already."""
    found = find_spec("ccxt") if "ccxt" not in sys.modules else None
    if found is None or found.origin is None:
        yield
        return
    root = Path(found.origin).parent.parent
    for name in _PACKAGES:
        package = ModuleType(name)
        package.__path__ = [str(root.joinpath(*name.split(".")))]
        sys.modules[name] = package
    try:
        whole, rest = sys.modules["ccxt"], sys.modules["ccxt.async_support"]
        vars(whole).update(vars(import_module("ccxt.base.errors")))
        whole.__dict__["Exchange"] = import_module("ccxt.base.exchange").Exchange
        whole.__dict__["async_support"] = rest
        rest.__dict__["bybit"] = import_module("ccxt.async_support.bybit").bybit
        yield
    finally:
        for name in _PACKAGES:
            del sys.modules[name]


with _empty_packages():
    from ccxt.base.errors import BaseError
    from ccxt.pro.bybit import bybit

__all__ = ["BaseError", "bybit"]
