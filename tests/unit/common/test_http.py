import socket
from pathlib import Path

import httpx
import orjson
import pytest

from libs.common.clock import SystemClock
from libs.common.errors import Misconfigured
from libs.common.health import Health, health_app
from libs.common.http import serve_http

HOST = "127.0.0.1"


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


async def test_a_server_answers_on_its_port_and_says_where_it_is_while_it_runs(tmp_path: Path) -> None:
    app = health_app(Health("trailing"))
    file = tmp_path / "run" / "trailing-2.json"
    async with serve_http(app, host=HOST, port=0, name="trailing-2", home=tmp_path, clock=SystemClock()) as port:
        told = orjson.loads(file.read_bytes())
        assert (told["name"], told["port"]) == ("trailing-2", port)
        async with httpx.AsyncClient(trust_env=False) as client:
            assert (await client.get(f"http://{HOST}:{port}/health/live")).json()["live"] is True
    assert not file.exists()


async def test_a_numbered_replica_leaves_the_port_to_the_first_one(tmp_path: Path, free_port: int) -> None:
    app = health_app(Health("fetcher"))
    async with serve_http(app, host=HOST, port=free_port, name="fetcher-2", home=tmp_path, clock=SystemClock()) as port:
        assert port != free_port


async def test_a_process_without_a_number_has_a_free_port_only_when_its_own_is_taken(
    tmp_path: Path, free_port: int
) -> None:
    app, name = health_app(Health("fetcher")), "fetcher-box-7"
    async with serve_http(app, host=HOST, port=free_port, name=name, home=tmp_path, clock=SystemClock()) as port:
        assert port == free_port
        async with serve_http(
            app, host=HOST, port=free_port, name="fetcher-box-8", home=tmp_path, clock=SystemClock()
        ) as other:
            assert other != free_port


async def test_the_first_instance_whose_port_is_taken_names_port_and_setting(tmp_path: Path) -> None:
    app = health_app(Health("fetcher"))
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        taken = other.getsockname()[1]
        with pytest.raises(Misconfigured, match=rf"port {taken}.*ports\.base"):
            async with serve_http(app, host=HOST, port=taken, name="fetcher", home=tmp_path, clock=SystemClock()):
                pass
    assert not (tmp_path / "run" / "fetcher.json").exists()


async def test_a_server_gives_its_port_back(tmp_path: Path, free_port: int) -> None:
    for _ in range(2):
        app = health_app(Health("fetcher"))
        async with serve_http(
            app, host=HOST, port=free_port, name="fetcher", home=tmp_path, clock=SystemClock()
        ) as port:
            assert port == free_port
