"""Open statuses: those in which entities are active, with the one that has been there longest."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from psycopg.rows import class_row

from application.read.orphans import apply_thresholds
from application.shared.as_of import as_of
from application.shared.existence import require_workflow
from application.shared.store import Store
from domain.entity import Entity
from infrastructure.sql import query


class OpenStatus(NamedTuple):
    """A status of a lifecycle, how many entities are active in it, and how long `id` has been, the longest of them.

    `ended` counts the intervals of that status that have ended. The orphan rule `stuck` does not judge `not_judged` of
    the entities, because they have no limit of their own and fewer than `minimum` intervals have ended.
    """

    kind: str
    lifecycle: str
    status: str
    n: int
    lasts: timedelta
    id: str
    ended: int
    not_judged: int
    minimum: int

    @property
    def longest(self) -> Entity:
        """Return the entity that has been in the status longest."""
        return Entity(self.kind, self.id)


def find_open_statuses(
    store: Store,
    workflow_id: str | None = None,
    at: datetime | None = None,
    thresholds: Mapping[str, str] | None = None,
) -> list[OpenStatus]:
    """Return the open statuses as of `at`, those with the most entities first. `thresholds` are those of the orphans.

    Raises:
        UnknownEntity: the log has no such workflow.
    """
    with as_of(store, at) as connection:
        if workflow_id is not None:
            require_workflow(connection, workflow_id)
        apply_thresholds(connection, thresholds or {})
        with connection.cursor(row_factory=class_row(OpenStatus)) as cursor:
            wanted = {"workflow_id": workflow_id}
            return cursor.execute(query("projections", "read/open_statuses"), wanted, prepare=False).fetchall()
