"""The source of an export: the log of one workflow, or the whole log, at one moment."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.sql import SQL

from application.exports.status_interval import StatusInterval
from application.exports.timeline import TaskTimelines, group_by_task
from application.shared.progress import Progress
from domain.auditing.replay import LifecycleOf
from domain.lifecycles.lifecycle import Lifecycle
from infrastructure.log.event_log import CHUNK
from infrastructure.sql import query

BY_TASK = SQL("s.task_id, s.entity_kind, s.ordinal, s.entity_id, s.version")
BY_TIME = SQL("s.entered_at, s.position")


class ReportedEvent(NamedTuple):
    """An event that was reported, so no other event caused it.

    `stated_at` is the time of the report, and `entered_at` the time since which the entity is in its status after it.
    For a task's transition, `attempts` is the number of attempts it began; of that, of a task's refusal and of an
    instance's creation, `lifecycle` is the task's lifecycle.
    """

    position: int
    name: str
    stream: str
    workflow_id: str
    stated_at: datetime
    entered_at: datetime
    data: dict[str, Any]
    attempts: int | None
    lifecycle: Lifecycle | None

    @property
    def is_late(self) -> bool:
        """Whether the report is of a time before the entity entered the status in which it is after it."""
        return self.stated_at < self.entered_at

    def starts_attempt(self, to: str) -> bool:
        """Return whether a proposal of the status `to` begins an attempt under the task's lifecycle."""
        return self.lifecycle is not None and self.lifecycle.starts_attempt(to)


class TaskLinks(NamedTuple):
    """The task that one is a part of, and those that it waits for."""

    parent_id: str | None
    upstream_ids: list[str]


class LogSnapshot:
    """Reads the content of formats, any number of times, and reports the position to `progress`."""

    def __init__(
        self, connection: Connection[Any], lifecycle_of: LifecycleOf, workflow_id: str | None, progress: Progress
    ) -> None:
        self._connection = connection
        self.lifecycle_of = lifecycle_of
        self._progress = progress
        self.workflow_id = workflow_id

    def intervals(self) -> Iterator[StatusInterval]:
        """Yield every interval, in the order in which statuses were entered."""
        return self._read_intervals(BY_TIME)

    def tasks(self) -> Iterator[TaskTimelines]:
        """Yield every task with its attempts, in the order of their ids."""
        return group_by_task(self._read_intervals(BY_TASK))

    def reported_events(self) -> Iterator[ReportedEvent]:
        """Yield the reported events in the order of the log."""
        with self._connection.cursor("reported_events") as cursor:
            cursor.itersize = CHUNK
            cursor.execute(query("projections", "exports/proposals"), self._parameters)
            for *fields, lifecycle, version in cursor:
                pinned = self.lifecycle_of(lifecycle, version) if lifecycle else None
                yield ReportedEvent._make([*fields, pinned])

    def links(self) -> dict[str, TaskLinks]:
        """Return the links of tasks to others that are exported too."""
        rows = self._connection.execute(query("projections", "exports/links"), self._parameters)
        return {task_id: TaskLinks(parent_id, upstream) for task_id, parent_id, upstream in rows}

    def tasks_linked_elsewhere(self) -> set[str]:
        """Return the tasks that exported ones are parts of or wait for, and that are not exported."""
        if self.workflow_id is None:
            return set()
        rows = self._connection.execute(query("projections", "exports/linked_elsewhere"), self._parameters)
        return {task_id for (task_id,) in rows}

    def csv_lines(self) -> Iterator[bytes]:
        """Yield every interval as a line of CSV, its day first, in the order in which statuses were entered."""
        with self._connection.cursor().copy(
            query("projections", "exports/copy_status_intervals"), self._parameters
        ) as lines:
            yield from map(bytes, lines)

    def entered_statuses(self) -> list[tuple[str, str]]:
        """Return pairs of an entity kind and a status that such an entity was in."""
        return self._connection.execute(query("projections", "exports/entered_statuses"), self._parameters).fetchall()

    def _read_intervals(self, order: SQL) -> Iterator[StatusInterval]:
        last = self._count()
        with self._connection.cursor("status_intervals") as cursor:
            cursor.itersize = CHUNK
            cursor.execute(SQL(query("projections", "exports/status_intervals")).format(order=order), self._parameters)
            for number, row in enumerate(cursor, 1):
                yield StatusInterval(*row)
                if number % CHUNK == 0:
                    self._progress(number, last)

    def _count(self) -> int:
        row = self._connection.execute(
            query("projections", "exports/count_status_intervals"), self._parameters
        ).fetchone()
        assert row is not None
        return int(row[0])

    @property
    def _parameters(self) -> dict[str, Any]:
        return {"workflow_id": self.workflow_id}
