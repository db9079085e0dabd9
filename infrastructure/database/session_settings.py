"""Settings that statements rely on, whatever the server, the database and the role have set."""

import os
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.rows import tuple_row

from infrastructure.database.settings import Settings
from infrastructure.sql import query

SETTINGS = {
    "search_path": "pg_catalog, pg_temp",
    "client_encoding": "UTF8",
    "DateStyle": "ISO, MDY",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "array_nulls": "on",
    "transform_null_equals": "off",
    "standard_conforming_strings": "on",
    "quote_all_identifiers": "off",
    "default_transaction_isolation": "read committed",
    "default_transaction_deferrable": "off",
    "idle_session_timeout": "0",
    "jit": "off",  # compiling a question takes seconds, and running it milliseconds
}
"""The settings of a session in which Sojourn's statements run. Names without a schema are those of PostgreSQL alone."""


def session_settings() -> dict[str, str]:
    """Return SETTINGS, and how long a statement waits for a lock: no wait is without an end."""
    return _with_lock_timeout(os.environ.get("SOJOURN_LOCK_TIMEOUT"))


@cache
def _with_lock_timeout(_variable: str | None) -> dict[str, str]:
    # Reading the environment's settings takes longer than a call on a caller's connection, so it is done once for each
    # value of the variable.
    return SETTINGS | {"lock_timeout": f"{round(Settings().lock_timeout * 1000)}ms"}


class Applied(NamedTuple):
    """Settings that were applied: what they were before, and the process id of the session."""

    before: Mapping[str, str]
    pid: int


def apply_settings(
    connection: Connection[Any],
    settings: Mapping[str, str] | None = None,
    *,
    is_local: bool = False,
    pid: int | None = None,
) -> Applied | None:
    """Apply settings (None: `session_settings`) to the session, or its transaction (`is_local`), in one round trip.

    Return None where the session is not that of the process `pid`: then nothing was applied.
    """
    settings = session_settings() if settings is None else settings
    wanted = {"names": list(settings), "values": list(settings.values()), "is_local": is_local, "pid": pid}
    with connection.cursor(row_factory=tuple_row) as cursor:
        rows = cursor.execute(query("infrastructure", "connections/configure"), wanted, prepare=False).fetchall()
    return Applied({name: before for name, before, _, _ in rows}, rows[0][2]) if rows else None
