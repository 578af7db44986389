"""Each in a process of its own: what is imported once stays."""

import subprocess
import sys

import pytest


def says(*lines: str) -> str:
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("service", ["fetcher", "executor"])
def test_a_service_loads_no_exchange_but_its_own(service: str) -> None:
    loaded = says(
        f"import services.{service}.main, sys",
        "print(*sorted(name for name in sys.modules if name.startswith('ccxt.async_support.')))",
    ).split()
    assert [name for name in loaded if ".base" not in name] == ["ccxt.async_support.bybit"]


def test_whoever_imports_ccxt_afterwards_has_all_of_it_with_the_same_classes() -> None:
    assert says(
        "from libs.common.exchange.ccxt_bybit import BaseError, bybit",
        "import ccxt, ccxt.async_support, ccxt.pro",
        "print(ccxt.pro.bybit is bybit, ccxt.BaseError is BaseError, issubclass(bybit, ccxt.async_support.bybit))",
        "print(ccxt.pro.binance.__name__, ccxt.kraken.__name__, issubclass(ccxt.NetworkError, BaseError))",
    ).split() == ["True", "True", "True", "binance", "kraken", "True"]


def test_where_ccxt_is_loaded_already_that_one_is_taken() -> None:
    assert says(
        "import ccxt.pro",
        "from libs.common.exchange.ccxt_bybit import BaseError, bybit",
        "print(ccxt.pro.bybit is bybit, ccxt.BaseError is BaseError)",
    ).split() == ["True", "True"]
