"""What every test has: async tests run on asyncio, one loop a test."""

import pytest

pytest_plugins = ["tests.support.panels", "tests.support.redis"]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
