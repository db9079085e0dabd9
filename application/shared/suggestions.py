"""Errors about unknown names, with the known names that were probably meant."""

from collections.abc import Sequence
from typing import Any

from psycopg import Connection

from application.shared.current_status import existing_ids
from domain.entity import ARRAY, RUNNER, TASK, TASK_INSTANCE, Entity
from domain.errors import Archived, UnknownEntity
from domain.nearest import nearest_names
from infrastructure.sql import query

EXISTING = {
    TASK: "find/existing_tasks",
    TASK_INSTANCE: "find/existing_task_instances",
    ARRAY: "find/existing_arrays",
    RUNNER: "find/existing_runners",
}

CANDIDATES = {
    TASK: "find/nearest_task_ids",
    TASK_INSTANCE: "find/nearest_task_instance_ids",
    ARRAY: "find/nearest_array_ids",
    RUNNER: "find/nearest_runner_ids",
}


def unknown_entity(connection: Connection[Any], entity: Entity, *others: Entity) -> UnknownEntity:
    """Return the error that an entity (and `others` of its kind) is unknown, with what may have been meant instead.

    That is an entity of another kind with the same id, or the nearest known id, or some that there are. Where one of
    them is in an archive, it is the error that states where.
    """
    if archived := find_archived(connection, [other.stream for other in (entity, *others)]):
        return archived
    known = _candidates(connection, CANDIDATES[entity.kind], entity.id)
    return UnknownEntity(
        entity.kind.replace("_", " "), entity.id, nearest_names(entity.id, known),
        others=[other.id for other in others], known=known,
        elsewhere=[str(other) for other in entities_of_id(connection, entity.id) if other.kind != entity.kind],
    )  # fmt: skip


def entities_of_id(connection: Connection[Any], entity_id: str) -> list[Entity]:
    """Return the entities of every kind that have the id."""
    return [Entity(kind, entity_id) for kind, name in EXISTING.items() if existing_ids(connection, name, [entity_id])]


def nearest_entities(connection: Connection[Any], entity_id: str) -> list[Entity]:
    """Return an entity whose id is like this one, of the first kind that has any."""
    for kind, name in CANDIDATES.items():
        if nearest := nearest_names(entity_id, _candidates(connection, name, entity_id)):
            return [Entity(kind, near) for near in nearest]
    return []


def unknown_workflow(connection: Connection[Any], workflow_id: str) -> UnknownEntity:
    """Return the error that a workflow is unknown, with the nearest known one, or the only one, or some.

    Where it is in an archive, it is the error that states where.
    """
    if archived := find_archived(connection, [], [workflow_id]):
        return archived
    known = _candidates(connection, "find/nearest_workflow_ids", workflow_id)
    only = known if len(known) == 1 else []
    return UnknownEntity("workflow", workflow_id, nearest_names(workflow_id, known) or only, known=known)


def find_archived(
    connection: Connection[Any], streams: Sequence[str], workflows: Sequence[str] = ()
) -> Archived | None:
    """Return the error that one of the streams or workflows is in an archive; None where none of them is."""
    return next(iter(find_each_archived(connection, streams, workflows, limit=1).values()), None)


def find_each_archived(
    connection: Connection[Any], streams: Sequence[str], workflows: Sequence[str] = (), limit: int | None = None
) -> dict[str, Archived]:
    """Return the error for each of the streams and workflows that is in an archive, at most `limit` of them.

    The key is the stream, or `workflow:ID`.
    """
    wanted = {
        "streams": [*streams, *(None for _ in workflows)],
        "workflows": [*(None for _ in streams), *workflows],
        "limit": limit,
    }
    found = (
        Archived(**tombstone) for (tombstone,) in connection.execute(query("infrastructure", "archive/find"), wanted)
    )
    return {each.entity: each for each in found}


def require_unarchived(connection: Connection[Any], kind: str, ids: Sequence[str]) -> None:
    """Check that none of the entities of a kind, which the log does not have, is in an archive.

    Raises:
        Archived: one is.
    """
    if ids and (archived := find_archived(connection, [Entity(kind, name).stream for name in ids])):
        raise archived


def _candidates(connection: Connection[Any], candidates: str, wanted: str) -> list[str]:
    return [row[0] for row in connection.execute(query("projections", candidates), {"wanted": wanted}).fetchall()]
