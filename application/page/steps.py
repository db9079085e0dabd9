"""The times at which something changed: the one before a time, the one after it, the first of all."""

from datetime import datetime
from typing import NamedTuple

from psycopg.sql import SQL

from application.shared.as_of import as_of
from application.shared.store import Store
from infrastructure.sql import query


class LogExtent(NamedTuple):
    """When the first event was effective, and the position of the last one; both None in an empty log."""

    first_at: datetime | None
    last_position: int | None


def find_next_change(
    store: Store, at: datetime, workflow_id: str | None = None, task_id: str | None = None
) -> datetime | None:
    """Return when the next status after `at` was entered, of all entities or of a workflow's or a task's."""
    return _find(store, SQL("min"), SQL(">"), at, workflow_id, task_id)


def find_previous_change(
    store: Store, at: datetime | None, workflow_id: str | None = None, task_id: str | None = None
) -> datetime | None:
    """Return when the last status before `at` (None: now) was entered, of all or of a workflow's or a task's."""
    return _find(store, SQL("max"), SQL("<"), at, workflow_id, task_id)


def read_extent(store: Store) -> LogExtent:
    """Return the extent of the log."""
    with store.session() as connection:
        row = connection.execute(query("projections", "page/extent")).fetchone()
    assert row is not None
    return LogExtent(*row)


def _find(
    store: Store, nearest: SQL, side: SQL, at: datetime | None, workflow_id: str | None, task_id: str | None
) -> datetime | None:
    """Return the nearest change on one side of a time: the least after it, or the greatest before it."""
    wanted = {"at": at, "workflow_id": workflow_id, "task_id": task_id}
    statement = SQL(query("projections", "page/nearest_change")).format(nearest=nearest, side=side)
    with as_of(store, None) as connection:
        row = connection.execute(statement, wanted, prepare=False).fetchone()
    return row[0] if row else None
