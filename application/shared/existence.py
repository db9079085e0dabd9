"""Whether the log has heard of a name, and since when."""

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
    """Raise UnknownEntity, with the nearest known one, where there is no such entity."""
    if not existing_ids(connection, EXISTING[entity.kind], [entity.id]):
        raise unknown_entity(connection, entity)


def require_workflow(connection: Connection[Any], workflow_id: str) -> None:
    """Raise UnknownEntity, with the nearest known one, where no task is of that workflow."""
    if not existing_ids(connection, "find/existing_workflows", [workflow_id]):
        raise unknown_workflow(connection, workflow_id)


def first_seen_at(
    store: Store, kind: str, entity_id: str | None = None, workflow_id: str | None = None
) -> datetime | None:
    """When the first of those entities (of a kind, of an id, of a workflow) came to be; None where there is none."""
    wanted = {"kind": kind, "id": entity_id, "workflow_id": workflow_id}
    with store.session() as connection:
        row = connection.execute(query("projections", "find/first_entered_at"), wanted, prepare=False).fetchone()
    return row[0] if row else None
