"""A ledger on a server: it may be lost and come back, it forgets nothing, and it never says who we are there."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from libs.common.errors import Fatal, Misconfigured, Transient
from libs.common.units import Symbol
from services.executor.adapters import store
from services.executor.adapters.ledger import Ledger
from tests.support.postgres import IN_URL, WORD, PostgresServer
from tests.support.system import until

BTC = Symbol("BTCUSDT")
OURS = "FROM pg_stat_activity WHERE application_name = 'ironkeel' AND datname = '{}'"


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    return postgres.new_database()


@pytest.fixture
def ledger(url: str, tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger.open(url, home=tmp_path)
    yield ledger
    ledger.close()


def ours(url: str) -> str:
    """Our sessions at the server, as the end of a question."""
    return OURS.format(url.rpartition("/")[2])


@pytest.mark.parametrize("spelt", ["postgres", "postgresql", "postgresql+psycopg", "postgresql+psycopg2"])
def test_every_way_to_spell_the_scheme_leads_to_the_one_driver(spelt: str, url: str, tmp_path: Path) -> None:
    with Ledger.open(url.replace("postgresql", spelt, 1), home=tmp_path).write() as pages:
        assert pages.take_fence(BTC) == 1


def test_a_lost_connection_is_transient_and_nothing_was_written(
    ledger: Ledger, url: str, postgres: PostgresServer
) -> None:
    with pytest.raises(Transient, match="busy or away"), ledger.write() as pages:
        pages.set_cursor("half", "way")
        postgres.ask(f"SELECT count(pg_terminate_backend(pid)) {ours(url)}")
        pages.set_cursor("never", "written")
    with ledger.write() as pages:
        assert (pages.cursor("half"), pages.cursor("never")) == (None, None)
        pages.set_cursor("half", "whole")


def test_a_connection_that_is_lost_before_the_commit_is_transient(
    ledger: Ledger, url: str, postgres: PostgresServer
) -> None:
    with pytest.raises(Transient), ledger.write() as pages:
        pages.set_cursor("half", "way")
        postgres.ask(f"SELECT count(pg_terminate_backend(pid)) {ours(url)}")
    with ledger.read() as pages:
        assert pages.cursor("half") is None


def test_a_view_that_is_lost_is_transient(ledger: Ledger, url: str, postgres: PostgresServer) -> None:
    with pytest.raises(Transient), ledger.read() as pages:
        pages.cursor("one")
        postgres.ask(f"SELECT count(pg_terminate_backend(pid)) {ours(url)}")
        pages.cursor("two")


def test_the_same_ledger_goes_on_after_the_servers_restart(own_postgres: PostgresServer, tmp_path: Path) -> None:
    ledger = Ledger.open(own_postgres.new_database(), home=tmp_path)
    with ledger.write() as pages:
        pages.set_cursor("before", "1")
    own_postgres.stop()
    for asked in (ledger.read, ledger.write):
        with pytest.raises(Transient, match="busy or away"), asked():
            pass
    own_postgres.start()
    with ledger.write() as pages:
        assert pages.cursor("before") == "1"
    ledger.close()


def test_who_sleeps_inside_a_transaction_loses_it_and_the_living_go_on(
    url: str, postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stopped process holds the account's lock: the server takes it away, and the sleeper wakes to nothing."""
    monkeypatch.setattr(store, "BUSY_MS", 300)
    sleeper, living = Ledger.open(url, home=tmp_path), Ledger.open(url, home=tmp_path)
    with pytest.raises(Transient), sleeper.write() as asleep:
        asleep.set_cursor("who", "sleeper")
        waits = f"SELECT count(*) = 0 {ours(url)} AND state = 'idle in transaction'"
        until(lambda: postgres.ask(waits) == "True", within=20, what="the end of the sleeper's session")
        with living.write() as pages:
            pages.set_cursor("who", "living")
        asleep.set_cursor("who", "sleeper again")
    with living.read() as pages:
        assert pages.cursor("who") == "living"


@pytest.mark.parametrize(("default", "used"), [("off", "on"), ("local", "on"), ("on", "on"), ("remote_apply",) * 2])
def test_a_commit_is_on_disk_when_it_is_confirmed_whatever_the_server_is_set_to(
    default: str, used: str, url: str, postgres: PostgresServer, tmp_path: Path
) -> None:
    postgres.set_for(url, f"synchronous_commit = {default}")
    with Ledger.open(url, home=tmp_path).write() as pages:
        assert pages.db.exec_driver_sql("SHOW synchronous_commit").scalar_one() == used


def test_a_server_that_may_forget_is_said_so(own_postgres: PostgresServer, tmp_path: Path) -> None:
    own_postgres.stop()
    own_postgres.settings["fsync"] = "off"
    own_postgres.start()
    with capture_logs() as logs:
        Ledger.open(own_postgres.url(), home=tmp_path).close()
    assert [line["event"] for line in logs] == ["ledger.not_durable"]


def test_a_server_that_is_away_at_a_start_is_no_wrong_setting(own_postgres: PostgresServer, tmp_path: Path) -> None:
    """The supervisor starts the executor again until the server is back."""
    own_postgres.stop()
    with pytest.raises(Fatal, match=rf"executor\.ledger_url: postgresql\+psycopg://127\.0\.0\.1:{own_postgres.port}/"):
        Ledger.open(own_postgres.url(), home=tmp_path)


def test_what_may_not_be_written_to_is_a_wrong_setting(url: str, postgres: PostgresServer, tmp_path: Path) -> None:
    postgres.set_for(url, "default_transaction_read_only = on")
    with pytest.raises(Misconfigured, match=r"executor\.ledger_url.*read-only"):
        Ledger.open(url, home=tmp_path)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://keel:{word}@nowhere.invalid/d",
        "postgresql://keel:{word}@127.0.0.1:{port}/d",  # wrong: no such database
        "postgresql://other:{word}@127.0.0.1:{port}/postgres",
        "postgresql://keel@127.0.0.1:{port}/d?password={word}",
        "postgresql://keel@127.0.0.1:{port}/d?passwrd={word}",
        "postgresql://keel:{raw}@127.0.0.1:{port}/d",
        "postgresql://keel:x@y:{raw}@127.0.0.1:{port}/d",
        "postgresql://keel:x/{raw}@127.0.0.1:{port}/d",
        "postgresql://keel:w@127.0.0.1:{raw}/d",
        "oracle://keel:{word}@127.0.0.1/d",
        "no-such-scheme://keel:{word}@127.0.0.1/d",
    ],
)
def test_no_error_shows_a_password(url: str, postgres: PostgresServer, tmp_path: Path) -> None:
    full = url.format(word=IN_URL, raw=WORD, port=postgres.port)
    with capture_logs() as logs, pytest.raises((Misconfigured, Fatal), match=r"executor\.ledger_url") as caught:
        Ledger.open(full, home=tmp_path)
    told = f"{caught.value} {logs}"
    assert not [part for part in (WORD, IN_URL, "ledger's", "word%40", "word@", "pass:", "@home") if part in told]
