"""The room that every story of this folder plays in."""

from pathlib import Path

import pytest

from tests.support.trading_room import Room, Running


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


@pytest.fixture
async def desk(room: Room) -> Running:
    """An executor that has recovered, and whose next request is an order."""
    return await room.executor().ready()
