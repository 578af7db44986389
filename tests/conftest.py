"""What every test has: async tests run on asyncio, one loop a test."""

import pytest


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
