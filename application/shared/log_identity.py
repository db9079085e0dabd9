"""The identity of a log, which its copies share."""

from typing import Any
from uuid import UUID

from psycopg import Connection

from infrastructure.sql import query


def read_log_id(connection: Connection[Any]) -> UUID:
    """Return the identity of the log."""
    row = connection.execute(query("infrastructure", "archive/log_identity")).fetchone()
    assert row is not None
    log_id: UUID = row[0]
    return log_id
