"""Change the log as somebody does who takes its guards away: a superuser, past every trigger."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.sql import SQL

COPY = """
    CREATE TEMPORARY TABLE rewritten AS TABLE sojourn.event;
    SET session_replication_role = replica
"""
STORE = """
    DELETE FROM sojourn.stored_event;
    INSERT INTO sojourn.stored_event
    SELECT s.* FROM pg_temp.rewritten AS e CROSS JOIN LATERAL sojourn.store_event(ROW(e.*)::sojourn.event) AS s
"""
END = """
    RESET session_replication_role;
    DROP TABLE IF EXISTS pg_temp.rewritten
"""


def rewrite(connection: psycopg.Connection[Any], statement: str, values: Mapping[str, Any] | None = None) -> int:
    """Execute a statement that names sojourn.event as if that were a table, and return the number of changed rows.

    The projections do not follow.
    """
    with rewriting(connection):
        return connection.execute(statement.replace("sojourn.event", "pg_temp.rewritten").encode(), values).rowcount


@contextmanager
def rewriting(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Let a block change pg_temp.rewritten, and store what it has in place of the log."""
    connection.execute(SQL(COPY))
    try:
        yield
        connection.execute(SQL(STORE))
    finally:
        connection.execute(SQL(END))
