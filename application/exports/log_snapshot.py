"""What an export reads: one moment of the log, of one workflow or of all."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.sql import SQL

from application.exports.status_interval import StatusInterval
from application.exports.timeline import TaskTimelines, group_by_task
from domain.auditing.replay import LifecycleOf
from domain.lifecycles.lifecycle import Lifecycle
from infrastructure.log.event_log import CHUNK
from infrastructure.sql import query

BY_TASK = SQL("s.task_id, s.entity_kind, s.ordinal, s.entity_id, s.version")
BY_TIME = SQL("s.entered_at, s.position")

Progress = Callable[[int, int], None]


class ReportedEvent(NamedTuple):
    """An event that no other one caused; of a task's transition, how many attempts it began, and its lifecycle."""

    position: int
    name: str
    stream: str
    workflow_id: str
    effective_at: datetime
    data: dict[str, Any]
    attempts: int | None
    lifecycle: Lifecycle | None

    def starts_attempt(self, to: str) -> bool:
        """Whether the task's lifecycle would have a proposal of that status begin an attempt."""
        return self.lifecycle is not None and self.lifecycle.starts_attempt(to)


class LogSnapshot:
    """Reads what formats are made of, as often as they ask, and tells `progress` how far it has come."""

    def __init__(
        self, connection: Connection[Any], lifecycle_of: LifecycleOf, workflow_id: str | None, progress: Progress
    ) -> None:
        self._connection = connection
        self.lifecycle_of = lifecycle_of
        self._progress = progress
        self.workflow_id = workflow_id

    def intervals(self) -> Iterator[StatusInterval]:
        """Every stay, in the order in which statuses were entered."""
        return self._read_intervals(BY_TIME)

    def tasks(self) -> Iterator[TaskTimelines]:
        """Every task with its attempts, in the order of their ids."""
        return group_by_task(self._read_intervals(BY_TASK))

    def reported_events(self) -> Iterator[ReportedEvent]:
        """What was proposed, in the order of the log."""
        with self._connection.cursor("proposals") as cursor:
            cursor.itersize = CHUNK
            cursor.execute(query("projections", "exports/proposals"), self._wanted)
            for position, kind, stream, workflow_id, effective_at, data, attempts, lifecycle, version in cursor:
                pinned = self.lifecycle_of(lifecycle, version) if lifecycle else None
                yield ReportedEvent(position, kind, stream, workflow_id, effective_at, data, attempts, pinned)

    def csv_lines(self) -> Iterator[bytes]:
        """Every stay as a line of CSV, in the order in which statuses were entered, with its day first."""
        with self._connection.cursor().copy(
            query("projections", "exports/copy_status_intervals"), self._wanted
        ) as lines:
            yield from map(bytes, lines)

    def entered_statuses(self) -> list[tuple[str, str]]:
        """The kinds of entities and the statuses that they were in."""
        return self._connection.execute(query("projections", "exports/entered_statuses"), self._wanted).fetchall()

    def _read_intervals(self, order: SQL) -> Iterator[StatusInterval]:
        last = self._count()
        with self._connection.cursor("stays") as cursor:
            cursor.itersize = CHUNK
            cursor.execute(SQL(query("projections", "exports/status_intervals")).format(order=order), self._wanted)
            for number, row in enumerate(cursor, 1):
                yield StatusInterval(*row)
                if number % CHUNK == 0:
                    self._progress(number, last)

    def _count(self) -> int:
        row = self._connection.execute(query("projections", "exports/count_status_intervals"), self._wanted).fetchone()
        assert row is not None
        return int(row[0])

    @property
    def _wanted(self) -> dict[str, Any]:
        return {"workflow_id": self.workflow_id}
