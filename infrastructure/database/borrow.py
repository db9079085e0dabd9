"""Borrow a caller's connection: statements run on it as on one of our own, and the caller gets it back as it was."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from psycopg import Connection, Cursor
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row

from infrastructure.database.revival import RevivingConnection
from infrastructure.database.session_settings import Applied, apply_settings


@contextmanager
def borrowed(connection: Connection[Any]) -> Iterator[None]:
    """Let statements of ours run on a connection for the block, whatever rows, cursors and settings it has.

    An idle connection that is not in autocommit begins the caller's transaction, because a transaction block on an idle
    connection would commit.
    """
    if isinstance(connection, RevivingConnection):  # one of our own, passed on
        yield
        return
    rows, cursors, threshold = connection.row_factory, connection.cursor_factory, connection.prepare_threshold
    connection.row_factory, connection.cursor_factory = tuple_row, Cursor
    try:
        with _configured(connection):
            yield
    finally:
        connection.row_factory, connection.cursor_factory = rows, cursors
        connection.prepare_threshold = threshold


@contextmanager
def _configured(connection: Connection[Any]) -> Iterator[None]:
    is_local = not connection.autocommit or connection.info.transaction_status != TransactionStatus.IDLE
    own = connection.info.backend_pid
    # A session of a pooler is somebody else's outside of a transaction, so its settings are left alone.
    applied = apply_settings(connection, is_local=is_local, pid=None if is_local else own)
    if applied is None or applied.pid != own:
        connection.prepare_threshold = None  # the pooler's session may have statements of the same names
    try:
        yield
    finally:
        if applied:
            _put_back(connection, applied, is_local=is_local)


def _put_back(connection: Connection[Any], applied: Applied, *, is_local: bool) -> None:
    status = TransactionStatus.INTRANS if is_local else TransactionStatus.IDLE
    if not connection.closed and connection.info.transaction_status == status:
        # What was done is done: the caller's next statement will find that the connection is lost.
        with suppress(psycopg.OperationalError):
            apply_settings(connection, applied.before, is_local=is_local)
