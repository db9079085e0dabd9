"""Read which clock stated when an entity entered its status, for the few reports that are judged by it.

Projections do not keep the clock, because only a report that states an earlier time than the present status needs it.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from psycopg import Connection

from domain.clock import clock_of
from domain.entities.task import Task
from domain.entities.task_instance import TaskInstance
from domain.rules.stale_report import needs_clock
from infrastructure.sql import query

Reporter = TypeVar("Reporter", Task, TaskInstance)


def read_clocks(
    connection: Connection[Any], reporters: Sequence[Reporter], occurred_at: datetime | None
) -> list[Reporter]:
    """Return the entities, with the clock of their entry where a report of that time is judged by it."""
    if occurred_at is None:
        return list(reporters)
    clocks = _clocks_of(connection, [entity.stream for entity in reporters if needs_clock(entity, occurred_at)])
    return [
        entity._replace(entered_clock=clocks[entity.stream]) if entity.stream in clocks else entity
        for entity in reporters
    ]


def read_clocks_of_families(
    connection: Connection[Any], families: Sequence[tuple[TaskInstance, Task]], occurred_at: datetime | None
) -> list[tuple[TaskInstance, Task]]:
    """Return instances with their tasks; the instances are as `read_clocks` returns them."""
    instances = read_clocks(connection, [instance for instance, _ in families], occurred_at)
    return [(instance, task) for instance, (_, task) in zip(instances, families, strict=True)]


def read_clock_of_known(
    connection: Connection[Any], known: tuple[TaskInstance | None, Task], occurred_at: datetime | None
) -> tuple[TaskInstance | None, Task]:
    """Return an instance with its task, or a task alone; the reporting one is as `read_clocks` returns it."""
    instance, task = known
    if instance is None:
        return None, read_clocks(connection, [task], occurred_at)[0]
    return read_clocks(connection, [instance], occurred_at)[0], task


def _clocks_of(connection: Connection[Any], streams: Iterable[str]) -> dict[str, str]:
    wanted = list(streams)
    if not wanted:
        return {}
    rows = connection.execute(query("projections", "read/entry_reports"), [wanted]).fetchall()
    return {stream: clock_of(occurred_at, host, command_id) for stream, occurred_at, host, command_id in rows}
