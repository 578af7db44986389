"""The ledger's database: SQLite in WAL with every commit on disk, or PostgreSQL by URL; migrated at start."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DatabaseError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from libs.common.errors import Misconfigured, Transient

BUSY_MS: Final = 5_000  # how long a writer waits for another process's short transaction
MIGRATIONS: Final = Path(__file__).parent / "migrations"


def open_store(url: str) -> Engine:
    """Open the database and bring it to the newest schema; raises Misconfigured for a URL that cannot be used."""
    try:
        parsed = make_url(url)
        engine = create_engine(parsed)
    except (ArgumentError, ModuleNotFoundError) as error:
        raise Misconfigured(f"executor.ledger_url: {error}") from error
    if parsed.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_nothing)
    try:
        migrate(engine)
    except DatabaseError as error:  # OperationalError, and what is no database at all
        raise Misconfigured(
            f"executor.ledger_url: {parsed.render_as_string()}: {error.orig}; a broken ledger.db may be moved away: "
            "it is rebuilt from the venue's orders"
        ) from error
    return engine


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


@contextmanager
def writing(engine: Engine, *, synced: bool = True) -> Iterator[Connection]:
    """One write transaction, alone from its first instruction; rolled back on any error.

    synced: whether it is on the disk before the block is left. If not, a crash of the process loses nothing, a power
    failure may lose the newest of them, and the next one that is synced brings all before it to the disk.
    Raises Transient when another process keeps the database busy.
    """
    with engine.connect() as connection:
        try:
            if engine.dialect.name == "sqlite":
                connection.exec_driver_sql(f"PRAGMA synchronous={'FULL' if synced else 'NORMAL'}")
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            else:
                _lock_account(connection)
                if not synced:
                    connection.exec_driver_sql("SET LOCAL synchronous_commit TO off")
        except OperationalError as error:
            raise Transient(f"the ledger is busy: {error.orig}") from error
        try:
            yield connection
        except BaseException:
            connection.rollback()
            raise
        connection.commit()


def _lock_account(connection: Connection) -> None:
    """One writer at a time, as in SQLite: PostgreSQL's advisory lock stands for the account's row."""
    connection.execute(text("SELECT pg_advisory_xact_lock(4279)"))


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One consistent view."""
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN")
        try:
            yield connection
        finally:
            connection.rollback()
