"""The tasks of a workflow and what they wait for, as a graph."""

from datetime import datetime
from typing import TypedDict, cast

from application.analyse.analytics_session import read_rows
from application.shared.as_of import as_of
from application.shared.existence import require_workflow
from application.shared.store import Store


class LinkedTask(TypedDict):
    """A task in its status, and the ids of the tasks that it waits for."""

    task_id: str
    template: str | None
    status: str
    lifecycle: str
    lifecycle_version: int
    upstream: list[str]


def list_linked_tasks(
    store: Store, workflow_id: str, at: datetime | None = None, *, limit: int | None = None
) -> list[LinkedTask]:
    """Return the workflow's tasks by id, with what they wait for as of `at`.

    Raises:
        UnknownEntity: the log has no such workflow.
    """
    with as_of(store, at) as connection:
        require_workflow(connection, workflow_id)
        rows = read_rows(connection, "page/dependencies", {"workflow_id": workflow_id, "limit": limit})
    return [cast("LinkedTask", row) for row in rows]
