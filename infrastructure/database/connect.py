"""Open connections: every connection of Sojourn's own is opened here, and sets what its statements rely on."""

import secrets
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.sql import SQL, Identifier

from infrastructure.database.dsn import complete_dsn
from infrastructure.database.revival import RevivingConnection
from infrastructure.database.session_settings import apply_settings
from infrastructure.errors import DatabaseNotUtf8, DatabaseTooOld, TransactionPooling
from infrastructure.sql import query

OLDEST = 150000
"""The oldest server that is supported, as PostgreSQL numbers its versions."""

NOTIFIED_WITHIN_SECONDS = 5.0
"""How long a notification may take through a pooler; without one, the pooler counts as one that shares sessions."""


def connect(dsn: str, *, autocommit: bool = True) -> Connection[tuple[Any, ...]]:
    """Open a connection that does not depend on the settings of the server, the database or the role.

    Raises:
        UnreadableDsn: the DSN cannot be read.
        DatabaseTooOld: the server is older than PostgreSQL 15.
        DatabaseNotUtf8: the database has another encoding.
        TransactionPooling: a pooler stands between that gives each transaction another session.
        psycopg.OperationalError: the server cannot be reached.
    """
    connection = RevivingConnection.connect(complete_dsn(dsn), autocommit=True)
    try:
        configure(connection, dsn)
        connection.autocommit = autocommit
    except BaseException:
        connection.close()
        raise
    return connection


def configure(connection: Connection[Any], dsn: str) -> None:
    """Set what statements rely on in a new connection, in one round trip, or raise what `connect` does."""
    if connection.info.server_version < OLDEST:
        raise DatabaseTooOld(connection.info.server_version)
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise DatabaseNotUtf8(connection.info.dbname, str(encoding))
    if apply_settings(connection, pid=connection.info.backend_pid) is None:
        _configure_behind_pooler(connection, dsn)


def _configure_behind_pooler(connection: Connection[Any], dsn: str) -> None:
    connection.prepare_threshold = None  # the statements of an earlier client may still have the same names
    try:
        has_own_session = _has_own_session(connection, dsn)
    except (psycopg.NotSupportedError, psycopg.errors.ReadOnlySqlTransaction) as error:
        raise TransactionPooling from error  # the pooler, or a standby behind it, knows no notifications
    if not has_own_session:
        raise TransactionPooling
    connection.execute("DISCARD ALL")
    apply_settings(connection)


def _has_own_session(connection: Connection[Any], dsn: str) -> bool:
    """Return whether the pooler keeps a session for this connection while it is idle.

    Only then does the connection, while it sends nothing, receive the notification of another one.
    """
    channel = f"sojourn_{secrets.token_hex(8)}"
    connection.execute(SQL("LISTEN {}").format(Identifier(channel)))
    own = _notify(connection, f"{channel}_self")
    with psycopg.connect(complete_dsn(dsn), autocommit=True, prepare_threshold=None) as other:
        shared = _notify(other, channel) == own
    received = not shared and any(connection.notifies(timeout=NOTIFIED_WITHIN_SECONDS, stop_after=1))
    connection.execute(SQL("UNLISTEN {}").format(Identifier(channel)))
    return received


def _notify(connection: Connection[Any], channel: str) -> int:
    """Notify the listeners of a channel, and return the process id of the session that did it."""
    row = connection.execute(query("infrastructure", "connections/notify"), [channel]).fetchone()
    assert row is not None
    return int(row[0])
