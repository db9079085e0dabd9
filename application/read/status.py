"""The status of one entity, now or as of a time."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NotRequired, TypedDict

from psycopg import Connection

from application.shared.as_of import as_of
from application.shared.existence import require_entity
from application.shared.store import Store
from domain.entity import ARRAY, RUNNER, TASK, TASK_INSTANCE, Entity
from infrastructure.sql import query

QUERIES = {
    TASK: "read/status_of_task",
    TASK_INSTANCE: "read/status_of_task_instance",
    ARRAY: "read/status_of_array",
    RUNNER: "read/status_of_runner",
}


class CurrentWait(TypedDict):
    """What an entity waits for in its status, as it stated last: a kind, its detail, and who holds it."""

    kind: str
    detail: str | None
    holders: list[str] | None
    since: datetime


class Status(TypedDict):
    """An entity's status and since when; all but `entity` is None before it existed.

    A runner is ALIVE or SILENT; it has no lifecycle and no attempts, and no version before it was ever silent. An array
    is BOUND, and has no lifecycle.

    A task with a `parent` or with `upstream` tasks also has their ids. A task or an instance that stated what it waits
    for also has that in `waits_for`.

    `attempts` is how many attempts of a task had begun, which attempt an instance is, or how many batches an array had.
    """

    entity: str
    status: str | None
    since: datetime | None
    lifecycle: str | None
    attempts: int | None
    version: int | None
    parent: NotRequired[str]
    upstream: NotRequired[list[str]]
    waits_for: NotRequired[CurrentWait]


def read_status(store: Store, entity: Entity, at: datetime | None = None) -> Status:
    """Return the status of an entity as of `at` (None: now).

    Raises:
        UnknownEntity: the log has no such entity.
    """
    with as_of(store, at) as connection:
        current, since, lifecycle, attempts, version = status_on(connection, entity)
        if current is None:
            require_entity(connection, entity)
        more = _links(connection, entity) | _wait(connection, entity) if current is not None else {}
    return {
        "entity": str(entity),
        "status": current,
        "since": since,
        "lifecycle": lifecycle,
        "attempts": attempts,
        "version": version,
        **more,  # type: ignore[typeddict-item]  # mypy knows no keys of it
    }


def _links(connection: Connection[Any], entity: Entity) -> dict[str, Any]:
    if entity.kind != TASK:
        return {}
    row = connection.execute(query("projections", "read/links_of_task"), [entity.id]).fetchone()
    assert row is not None
    parent_id, upstream_ids = row
    return ({"parent": parent_id} if parent_id else {}) | ({"upstream": upstream_ids} if upstream_ids else {})


def _wait(connection: Connection[Any], entity: Entity) -> dict[str, CurrentWait]:
    if entity.kind not in (TASK, TASK_INSTANCE):
        return {}
    row = connection.execute(query("projections", "read/current_wait"), [entity.kind, entity.id]).fetchone()
    if row is None:
        return {}
    kind, detail, holders, since = row
    return {"waits_for": {"kind": kind, "detail": detail, "holders": holders, "since": since}}


def status_on(connection: Connection[Any], entity: Entity) -> Sequence[Any]:
    """Return status, since when, lifecycle, attempts and version as of the transaction's time, or None for each."""
    row = connection.execute(query("projections", QUERIES[entity.kind]), [entity.id]).fetchone()
    return row or (None,) * 5
