"""A ledger in PostgreSQL keeps the promises of one in a file: alone while it writes, durable, never hung."""

from collections.abc import Mapping
from typing import Final

import structlog
from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from libs.common.errors import Misconfigured

log = structlog.get_logger()

DRIVER: Final = "postgresql+psycopg"
ACCOUNT_LOCK: Final = 4279  # of one database: executors of different accounts take different databases

# A server that went silent must not hold up the guarding of stops: the URL may ask for other times, never for none.
_CONNECT: Final[Mapping[str, int | str]] = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "application_name": "ironkeel",
}


def is_postgres(url: URL) -> bool:
    return url.drivername.partition("+")[0] in {"postgresql", "postgres"}


def server_engine(url: URL, *, busy_ms: int) -> Engine:
    """An engine whose every session is durable and waits `busy_ms` at most for another writer. Raises Misconfigured."""
    if "@" in f"{url.host}{url.database}":  # the rest of a password: it must not get into an error's text
        raise Misconfigured("executor.ledger_url: write '@', ':' and '/' of the password as %40, %3A and %2F")
    given = {name: value for name, value in _CONNECT.items() if name not in url.query}
    engine = create_engine(url.set(drivername=DRIVER), connect_args=given, pool_pre_ping=True)

    def prepare(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        for name in ("lock_timeout", "idle_in_transaction_session_timeout"):
            # Who sleeps inside a transaction loses it: the living wait no longer for a stopped process.
            cursor.execute(f"SET SESSION {name} = {busy_ms}")
        cursor.execute(f"SET SESSION statement_timeout = {2 * busy_ms}")
        cursor.execute(
            "SELECT set_config('synchronous_commit', 'on', false)"
            " WHERE current_setting('synchronous_commit') IN ('off', 'local', 'remote_write')"
        )
        cursor.close()
        connection.commit()

    event.listen(engine, "connect", prepare)
    return engine


def begin_alone(connection: Connection) -> None:
    """Wait for every other writer of the account: the lock ends with the transaction, or with its session."""
    connection.execute(text(f"SELECT pg_advisory_xact_lock({ACCOUNT_LOCK})"))


def begin_reading(connection: Connection) -> None:
    """See what was committed before the first statement, and nothing that comes after."""
    connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def is_passing(error: DBAPIError) -> bool:
    """Whether the server was busy or lost, and the same may go well in a moment."""
    return error.connection_invalidated or isinstance(error, OperationalError)


def warn_of_losses(connection: Connection) -> None:
    """Say so when the server itself may forget what it has confirmed."""
    if connection.execute(text("SHOW fsync")).scalar_one() == "off":
        log.warning("ledger.not_durable", reason="fsync is off at the server: a power cut may lose what was committed")
