"""What every test has: async tests run on asyncio, one loop a test; properties draw the same examples on every run."""

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.support.panels", "tests.support.postgres", "tests.support.redis"]

# Time is no property: a busy machine or a compiled kernel's first call says nothing about the code.
settings.register_profile("house", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
