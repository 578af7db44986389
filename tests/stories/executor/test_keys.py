"""What the executor says of keys that cannot trade, before it touches anything."""

from pathlib import Path

import pytest

from libs.common.errors import Misconfigured, Refused
from libs.common.exchange.memory import MemoryVenue
from libs.common.exchange.trading_types import KeyFacts
from tests.support.trading_room import Room


async def test_a_key_that_the_venue_refuses_is_a_wrong_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refused(_venue: MemoryVenue) -> KeyFacts:
        raise Refused("10003 API key is invalid.", 10003)

    monkeypatch.setattr(MemoryVenue, "key_facts", refused)
    with pytest.raises(Misconfigured, match=r"exchange\.api_key, exchange\.api_secret: .*10003"):
        await Room(tmp_path).executor().starts()


async def test_a_key_that_may_withdraw_is_a_wrong_setting(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.venue.facts = KeyFacts(read_only=False, may_withdraw=True)
    with pytest.raises(Misconfigured, match=r"exchange\.api_key: this key may withdraw"):
        await room.executor().starts()
