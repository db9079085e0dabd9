"""Find out what a report would record, by recording it in a transaction that is rolled back."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypedDict, cast

from psycopg import Connection

from application.analyse.analytics_session import read_rows
from application.shared.store import Store
from infrastructure.sql import query


class RecordedEvent(TypedDict):
    """An event as far as it moves an entity, or keeps a report that was refused."""

    entity: str
    previous_status: str | None
    status: str | None
    reported: str | None
    rule: str | None
    name: str


class Rehearsal:
    """A transaction that records and is rolled back; pass its `connection` to the service's methods."""

    def __init__(self, connection: Connection[Any], after: int) -> None:
        self.connection = connection
        self._after = after

    def read_events(self, task_id: str) -> list[RecordedEvent]:
        """Return what was recorded of a task and of its instances, in the order of the log."""
        rows = read_rows(self.connection, "page/recorded", {"after": self._after, "task_id": task_id})
        return [cast("RecordedEvent", row) for row in rows]


@contextmanager
def rehearse(store: Store) -> Iterator[Rehearsal]:
    """Open a rehearsal for the length of a block."""
    with store.session() as connection, connection.transaction(force_rollback=True):
        row = connection.execute(query("infrastructure", "log/last_position")).fetchone()
        yield Rehearsal(connection, row[0] if row and row[0] is not None else 0)
