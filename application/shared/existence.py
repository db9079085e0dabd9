"""Check whether the log knows an entity or a workflow, and since when."""

from datetime import datetime
from typing import Any

from psycopg import Connection

from application.shared.current_status import existing_ids
from application.shared.store import Store
from application.shared.suggestions import (
    EXISTING,
    entities_of_id,
    find_archived,
    nearest_entities,
    unknown_entity,
    unknown_workflow,
)
from domain.entity import MAX_ID_LENGTH, Entity, parse_entity
from domain.errors import AmbiguousEntity, InvalidEntity
from domain.text import is_storable
from infrastructure.sql import query


def find_entity(store: Store, text: str) -> Entity:
    """Return the entity that a text names: `task:ID`, `ti:ID`, ..., or a bare id that only one entity has.

    Raises:
        InvalidEntity: the text is neither; the error has the nearest entity.
        Archived: an entity of that id is in an archive.
        InvalidId: the id is too long, or cannot be stored.
        AmbiguousEntity: entities of several kinds have the id.
    """
    try:
        return parse_entity(text)
    except InvalidEntity:
        if not 0 < len(text) <= MAX_ID_LENGTH or not is_storable(text):
            raise
    with store.session() as connection:
        found = entities_of_id(connection, text)
        if not found and (archived := find_archived(connection, [Entity(kind, text).stream for kind in EXISTING])):
            raise archived
        nearest = [] if found else nearest_entities(connection, text)
    if not found:
        raise InvalidEntity(text, map(str, nearest))
    if len(found) > 1:
        raise AmbiguousEntity(text, map(str, found))
    return found[0]


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
