"""The ledger's database: SQLite in WAL with every commit on disk, or PostgreSQL by URL; migrated at start."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DatabaseError, DBAPIError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from libs.common.errors import Fatal, Misconfigured, Transient
from services.executor.adapters.postgres import (
    begin_alone,
    begin_reading,
    is_passing,
    is_postgres,
    server_engine,
    warn_of_losses,
)

BUSY_MS: Final = 5_000  # how long a writer waits for another process's short transaction
MIGRATIONS: Final = Path(__file__).parent / "migrations"


def open_store(url: str) -> Engine:
    """Open the database and bring it to the newest schema.

    Raises Misconfigured for a URL that cannot be used, Fatal when the server does not let us in now.
    """
    engine = _engine(url)
    try:
        migrate(engine)
    except Transient as error:
        raise Fatal(f"executor.ledger_url: {_place(engine.url)}: {error}") from error
    except DatabaseError as error:  # what is no database at all, or not ours to write
        raise Misconfigured(
            f"executor.ledger_url: {_place(engine.url)}: {error.orig}; a broken ledger.db may be moved away: "
            "it is rebuilt from the venue's orders"
        ) from error
    return engine


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
        if is_postgres(parsed):
            return server_engine(parsed, busy_ms=BUSY_MS)
        if parsed.get_backend_name() != "sqlite":
            raise Misconfigured(f"executor.ledger_url: {parsed.drivername}: must be postgresql or sqlite")
        engine = create_engine(parsed)
    except (ArgumentError, ModuleNotFoundError) as error:
        raise Misconfigured(f"executor.ledger_url: {error}") from error
    except ValueError as error:  # its text has a part of the URL, and that may be of the password
        raise Misconfigured("executor.ledger_url: the port is no number") from error
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_nothing)
    return engine


def _place(url: URL) -> str:
    """Which database, without who we are there: a URL's query may have a password too."""
    return f"{url.drivername}://{url.host or ''}{f':{url.port}' if url.port else ''}/{url.database or ''}"


def sqlite_url(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{path}"


def file_of(engine: Engine) -> Path | None:
    """The database's file; None for a server, and for one in memory."""
    name = engine.url.database if engine.dialect.name == "sqlite" else None
    return Path(name) if name and name != ":memory:" else None


def _prepare_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    # The driver must not open transactions by itself: every write says BEGIN IMMEDIATE.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", f"busy_timeout={BUSY_MS}", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_nothing(_connection: Connection) -> None:
    """SQLAlchemy's own BEGIN would be deferred: `writing` says it better."""


def migrate(engine: Engine) -> None:
    """Run every migration that the database has not seen; another process that does the same is waited for."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        if connection.dialect.name != "sqlite":
            warn_of_losses(connection)


@contextmanager
def writing(engine: Engine, *, synced: bool = True) -> Iterator[Connection]:
    """One write transaction, alone from its first instruction; rolled back on any error.

    synced: whether it is on the disk before the block is left; in SQLite, for a server's always is. If not, a crash of
    the process loses nothing, a power failure may lose the newest of them, and the next one that is synced brings all
    before it to the disk.
    Raises Transient when another process keeps the database busy, or its server is lost. Lost in the very moment of
    the commit, what was written may stand all the same: so every write is one that may be repeated.
    """
    with _session(engine) as connection:
        _begin(connection, synced=synced)
        try:
            yield connection
        except BaseException:
            connection.rollback()
            raise
        connection.commit()


def _begin(connection: Connection, *, synced: bool) -> None:
    if connection.dialect.name != "sqlite":
        begin_alone(connection)  # always synced: executors on other machines outlive the server's power
        return
    try:
        connection.exec_driver_sql(f"PRAGMA synchronous={'FULL' if synced else 'NORMAL'}")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    except OperationalError as error:
        raise Transient(f"the ledger is busy: {error.orig}") from error


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One consistent view. Raises Transient when the database's server is lost."""
    with _session(engine) as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN")
        else:
            begin_reading(connection)
        try:
            yield connection
        finally:
            connection.rollback()


@contextmanager
def _session(engine: Engine) -> Iterator[Connection]:
    """One connection; a server that is busy or away is Transient, wherever in it that shows."""
    try:
        with engine.connect() as connection:
            yield connection
    except DBAPIError as error:
        if engine.dialect.name == "sqlite" or not is_passing(error):
            raise
        raise Transient(f"the ledger is busy or away: {error.orig}") from error
