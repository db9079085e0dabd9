"""The tables of current status: compare them with the entities that a replay comes to."""

from collections.abc import Iterator, Mapping
from typing import Any

from psycopg import Connection
from psycopg.sql import SQL, Identifier

from application.replay.extent import Extent
from application.replay.wrong_row import (
    Row,
    compare_row,
    name_entity,
    read_rows,
    state_extra_row,
    state_missing_row,
)
from domain.auditing.mismatch import Mismatch
from domain.auditing.replay import Replayed
from domain.entities.array import Array
from domain.entities.erasure import Erasure
from domain.entities.runner import Runner
from domain.entities.task import Task
from domain.entities.task_instance import TaskInstance
from domain.entity import ARRAY, TASK, TASK_INSTANCE
from infrastructure.sql import query

CURRENT = (TASK, TASK_INSTANCE, ARRAY)
"""The tables of current status, each named after the kind of its entities."""


def compare_current(
    connection: Connection[Any], kind: str, entities: Mapping[str, Replayed], extent: Extent
) -> Iterator[Mismatch]:
    """Yield the mismatches between a table of current status and the replayed entities of its kind."""
    expected = {
        stream: entity
        for stream, entity in entities.items()
        if entity.entity.kind == kind and not isinstance(entity, Runner | Erasure) and extent.has(stream)
    }
    statement = SQL(query("projections", "verify/rows_of_entities")).format(
        table=Identifier(kind), key=Identifier(f"{kind}_id")
    )
    for row in read_rows(connection, kind, statement, {"ids": extent.ids(kind)}):
        entity_id = row[f"{kind}_id"]
        entity = expected.pop(f"{kind}:{entity_id}", None)
        if entity is None:
            yield state_extra_row(kind, name_entity(kind, entity_id))
        else:
            yield from compare_row(kind, str(entity.entity), _current_row(entity), row)
    for entity in expected.values():
        yield state_missing_row(kind, str(entity.entity))


def _current_row(entity: Task | TaskInstance | Array) -> Row:
    if isinstance(entity, Task):
        return _task_row(entity)
    if isinstance(entity, TaskInstance):
        return _task_instance_row(entity)
    return {
        "array_id": entity.id,
        "workflow_id": entity.workflow_id,
        "task_template_version_id": entity.task_template_version_id,
        "name": entity.name,
        "max_concurrently_running": entity.max_concurrently_running,
        "last_batch": entity.last_batch,
        "entered_at": entity.entered_at,
        "version": entity.version,
    }


def _task_row(task: Task) -> Row:
    return {
        "task_id": task.id,
        "workflow_id": task.workflow_id,
        "lifecycle": task.lifecycle.name,
        "lifecycle_version": task.lifecycle.version,
        "template": task.template,
        "array_id": task.array_id,
        "max_attempts": task.max_attempts,
        "num_attempts": task.num_attempts,
        "instances": task.instances,
        "status": task.status,
        "entered_at": task.entered_at,
        "version": task.version,
        "owner": task.owner,
        "state": task.state and task.state.model_dump(mode="json", exclude_none=True),
        "attributes": task.attributes,
        "parent_id": task.parent_id,
    }


def _task_instance_row(instance: TaskInstance) -> Row:
    return {
        "task_instance_id": instance.id,
        "task_id": instance.task_id,
        "workflow_id": instance.workflow_id,
        "ordinal": instance.ordinal,
        "status": instance.status,
        "entered_at": instance.entered_at,
        "report_by_date": instance.report_by_date,
        "distributor_id": instance.distributor_id,
        "version": instance.version,
        "array_id": instance.member.array_id,
        "batch_number": instance.member.batch_number,
        "step": instance.member.step,
    }
