"""Read a whole log at once: as of a time, with memory to sort in, and row by row."""

from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from typing import Any, cast

from psycopg import Connection
from psycopg.rows import dict_row

from application.shared.as_of import as_of
from application.shared.existence import require_workflow
from application.shared.store import Store
from infrastructure.sql import query

BATCH = 1_000
"""How many rows the server hands over at a time."""


@contextmanager
def analytics_session(store: Store, at: datetime | None, workflow_id: str | None = None) -> Iterator[Connection[Any]]:
    """Open a transaction as of `at` that sorts a million rows in memory.

    Raises:
        UnknownEntity: the log has no such workflow.
    """
    with as_of(store, at) as connection:
        connection.execute(query("projections", "session/analytics"))
        if workflow_id is not None:
            require_workflow(connection, workflow_id)
        yield connection


def read_rows(connection: Connection[Any], name: str, wanted: dict[str, Any]) -> list[dict[str, Any]]:
    """Return all rows of a named query."""
    with connection.cursor(row_factory=dict_row) as cursor:
        # Planned for these arguments: what they leave out is not read.
        return cursor.execute(query("projections", name), wanted, prepare=False).fetchall()


def round_seconds(row: dict[str, Any]) -> dict[str, Any]:
    """Return the row with its seconds to the microsecond, as fine as the clock: sums of floats have more digits."""
    return {name: round(value, 6) if isinstance(value, float) else value for name, value in row.items()}


@contextmanager
def stream_rows(connection: Connection[Any], name: str, wanted: dict[str, Any]) -> Iterator[Iterator[dict[str, Any]]]:
    """Open the rows of a named query, read as they are asked for, within the block."""
    # Not a cursor of the server's: the server goes on while the rows are read, with as many workers as it likes.
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.stream(query("projections", name), wanted, binary=True, size=BATCH)
        # Closed before the transaction ends: what has not been read by then is cancelled.
        with closing(cast("Generator[dict[str, Any], None, None]", found)) as rows_found:
            yield rows_found
