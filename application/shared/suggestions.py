"""Errors about unknown names, with the known names that were probably meant."""

from typing import Any

from psycopg import Connection

from domain.entity import ARRAY, RUNNER, TASK, TASK_INSTANCE, Entity
from domain.errors import UnknownEntity
from domain.nearest import nearest_names
from infrastructure.sql import query

CANDIDATES = {
    TASK: "find/nearest_task_ids",
    TASK_INSTANCE: "find/nearest_task_instance_ids",
    ARRAY: "find/nearest_array_ids",
    RUNNER: "find/nearest_runner_ids",
}


def unknown_entity(connection: Connection[Any], entity: Entity, *others: Entity) -> UnknownEntity:
    """Return the error that an entity (and `others` of its kind) is unknown, with the nearest known id."""
    nearest = _nearest(connection, CANDIDATES[entity.kind], entity.id)
    return UnknownEntity(entity.kind.replace("_", " "), entity.id, nearest, others=[other.id for other in others])


def unknown_workflow(connection: Connection[Any], workflow_id: str) -> UnknownEntity:
    """Return the error that a workflow is unknown, with the nearest known one, or with the only one."""
    known = _candidates(connection, "find/nearest_workflow_ids", workflow_id)
    only = known if len(known) == 1 else []
    return UnknownEntity("workflow", workflow_id, nearest_names(workflow_id, known) or only)


def _nearest(connection: Connection[Any], candidates: str, wanted: str) -> list[str]:
    return nearest_names(wanted, _candidates(connection, candidates, wanted))


def _candidates(connection: Connection[Any], candidates: str, wanted: str) -> list[str]:
    return [row[0] for row in connection.execute(query("projections", candidates), {"wanted": wanted}).fetchall()]
