from pathlib import Path

import orjson
import pytest

from ironkeel.local import redis_server
from ironkeel.local.redis_server import (
    Server,
    can_read,
    choose_server,
    command_line,
    data_folder,
    parse_version,
    recorded_server,
    url_for,
    wait_until_answering,
)
from libs.common.clock import SystemClock
from libs.common.errors import Misconfigured, Transient
from libs.common.redis_connection import open_redis
from tests.support.redis import RedisServer

BINARY = Path("/usr/bin/redis-server")


@pytest.mark.parametrize(
    ("printed", "name", "version"),
    [
        ("Redis server v=7.2.4 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64", "redis", (7, 2, 4)),
        ("Valkey server v=9.1.2 sha=00000000:1 malloc=libc bits=64", "valkey", (9, 1, 2)),
    ],
)
def test_a_version_is_read_as_it_is_printed(printed: str, name: str, version: tuple[int, int, int]) -> None:
    assert parse_version(BINARY, printed) == Server(BINARY, name, version)


def test_what_is_neither_redis_nor_valkey_is_no_server() -> None:
    assert parse_version(BINARY, "KeyDB server v=6.3.4") is None


@pytest.mark.parametrize(
    ("server", "recorded", "readable"),
    [
        (("redis", (7, 2, 4)), ("redis", (7, 2, 4)), True),
        (("redis", (8, 0, 0)), ("redis", (7, 2, 4)), True),
        (("redis", (7, 0, 15)), ("redis", (7, 2, 4)), False),
        (("valkey", (9, 1, 2)), ("redis", (7, 2, 4)), False),
    ],
)
def test_data_is_read_by_the_same_kind_of_server_and_never_by_an_older_one(
    server: tuple[str, tuple[int, int, int]], recorded: tuple[str, tuple[int, int, int]], readable: bool
) -> None:
    assert can_read(Server(BINARY, *server), Server(BINARY, *recorded)) is readable


def test_data_of_a_newer_server_stops_with_a_message_that_names_both(tmp_path: Path) -> None:
    data_folder(tmp_path).mkdir(parents=True)
    newer = {"name": "valkey", "version": [99, 0, 0], "path": "/usr/bin/valkey-server"}
    (data_folder(tmp_path) / "server.json").write_bytes(orjson.dumps(newer))
    with pytest.raises(Misconfigured, match=r"valkey 99\.0\.0.*--fresh"):
        choose_server(tmp_path)


def test_no_server_at_all_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_server, "_installed", lambda: iter([Server(BINARY, "redis", (6, 2, 14))]))
    with pytest.raises(Misconfigured, match=r"at least 7\.0.*redis\.url"):
        choose_server(tmp_path)


def test_the_server_keeps_its_data_at_home_evicts_nothing_and_is_recorded(tmp_path: Path) -> None:
    command = " ".join(command_line(tmp_path))
    for option in ("--appendonly yes", "--appendfsync everysec", "--maxmemory-policy noeviction"):
        assert option in command
    assert f"--dir {data_folder(tmp_path)}" in command
    assert recorded_server(tmp_path) == choose_server(tmp_path)


async def test_a_home_with_a_long_path_has_a_port_in_place_of_a_socket(tmp_path: Path) -> None:
    server = RedisServer(tmp_path / ("long" * 25))
    await server.restart()
    assert server.url.startswith("redis://127.0.0.1:")
    server.stop()


async def test_what_was_written_is_there_after_a_clean_stop(redis_server: RedisServer) -> None:
    await redis_server.restart()
    assert redis_server.url.startswith("unix://")
    redis = open_redis(redis_server.url)
    await redis.xadd("ik:signal", {"t": "x", "m": "y"})
    redis_server.stop()
    await redis_server.restart()
    assert await redis.xlen("ik:signal") == 1
    await redis.aclose()


async def test_a_server_that_never_answers_is_given_up(tmp_path: Path) -> None:
    command_line(tmp_path)
    with pytest.raises(Transient, match="does not answer"):
        await wait_until_answering(url_for(tmp_path), clock=SystemClock(), within_s=0.1)
