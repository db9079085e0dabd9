"""Check whether the log knows an entity or a workflow, and since when."""

from datetime import datetime
from typing import Any

from psycopg import Connection

from application.shared.current_status import existing_ids
from application.shared.store import Store
from application.shared.suggestions import unknown_entity, unknown_workflow
from domain.entity import ARRAY, RUNNER, TASK, TASK_INSTANCE, Entity
from infrastructure.sql import query

EXISTING = {
    TASK: "find/existing_tasks",
    TASK_INSTANCE: "find/existing_task_instances",
    ARRAY: "find/existing_arrays",
    RUNNER: "find/existing_runners",
}


def require_entity(connection: Connection[Any], entity: Entity) -> None:
    """Check that an entity exists.

    Raises:
        UnknownEntity: it does not; the error has the nearest known id.
    """
    if not existing_ids(connection, EXISTING[entity.kind], [entity.id]):
        raise unknown_entity(connection, entity)


def require_workflow(connection: Connection[Any], workflow_id: str) -> None:
    """Check that a workflow has tasks.

    Raises:
        UnknownEntity: it has none; the error has the nearest known id.
    """
    if not existing_ids(connection, "find/existing_workflows", [workflow_id]):
        raise unknown_workflow(connection, workflow_id)


def first_seen_at(
    store: Store, kind: str, entity_id: str | None = None, workflow_id: str | None = None
) -> datetime | None:
    """Return when the first entity of a kind (and an id, and a workflow) was recorded; None where there is none."""
    wanted = {"kind": kind, "id": entity_id, "workflow_id": workflow_id}
    with store.session() as connection:
        row = connection.execute(query("projections", "find/first_entered_at"), wanted, prepare=False).fetchone()
    return row[0] if row else None
