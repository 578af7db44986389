import subprocess
import sys

import pytest


@pytest.mark.parametrize("slow", ["pandas", "ccxt.async_support.binance", "sqlalchemy", "xgboost"])
def test_a_fetcher_starts_without_what_it_does_not_need_to_be_ready(slow: str) -> None:
    """A restart must be over in two seconds, and each of these takes a good part of one."""
    asked = f"import services.fetcher.main, sys; sys.exit({slow!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asked], check=False).returncode == 0
