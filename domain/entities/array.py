"""The Array aggregate: the instances of a workflow's tasks of one template version, queued batch by batch (Jobmon)."""

from datetime import datetime
from typing import Any, NamedTuple, Self

from domain.entities.events import ArrayBatchQueued, ArrayBound, ArrayConcurrencyChanged, ArrayEvent, Event
from domain.entities.task_instance import ArrayMember
from domain.entity import ARRAY, Entity
from domain.errors import MAX_CONCURRENTLY_RUNNING, InvalidConcurrency
from domain.report_context import NO_CONTEXT, ReportContext

BOUND = "BOUND"
"""The one status of an array."""


class Array(NamedTuple):
    """An array as of its last event.

    `last_batch` is the number of its newest batch, 0 before the first; `members` is the number of instances in the
    batch that is being queued.
    """

    id: str
    workflow_id: str
    task_template_version_id: str
    name: str | None
    max_concurrently_running: int
    last_batch: int = 0
    version: int = 0
    entered_at: datetime | None = None
    members: int = 0

    @property
    def stream(self) -> str:
        """The name of the array's stream in the log."""
        return f"{ARRAY}:{self.id}"

    @property
    def entity(self) -> Entity:
        """The array by the name that people give it."""
        return Entity(ARRAY, self.id)

    @property
    def status(self) -> str:
        """The status of every array from its first event on."""
        return BOUND

    @classmethod
    def begin(cls, event: ArrayBound) -> Self:
        """Return the array that `event` creates."""
        return cls(
            id=event.stream.partition(":")[2],
            workflow_id=event.workflow_id,
            task_template_version_id=event.task_template_version_id,
            name=event.array_name,
            max_concurrently_running=event.max_concurrently_running,
            last_batch=event.batch_number,
            version=event.version,
            entered_at=event.effective_at,
        )

    def evolve(self, event: Event) -> Self:
        """Return the array after `event`."""
        assert isinstance(event, ArrayEvent)
        return self._replace(
            max_concurrently_running=event.max_concurrently_running,
            last_batch=event.batch_number,
            version=event.version,
            members=self.members if event.batch_number == self.last_batch else 0,
        )

    def next_member(self) -> ArrayMember:
        """Return the position of the next instance in the batch that is being queued."""
        return ArrayMember(self.id, self.last_batch + 1, self.members)

    def with_member(self) -> Self:
        """Return the array after an instance was created in the batch that is being queued."""
        return self._replace(members=self.members + 1)

    def bind(self, context: ReportContext = NO_CONTEXT) -> ArrayBound:
        """Return the event that creates this array."""
        return ArrayBound(
            **self._envelope(1),
            **context.fields(),
            **self._carried(),
            task_template_version_id=self.task_template_version_id,
            array_name=self.name,
        )

    def change_concurrency(self, limit: int, context: ReportContext = NO_CONTEXT) -> ArrayConcurrencyChanged:
        """Return the event that sets the limit of concurrent instances to `limit`."""
        carried = self._carried() | {"max_concurrently_running": limit}
        return ArrayConcurrencyChanged(**self._envelope(self.version + 1), **context.fields(), **carried)

    def queue_batch(
        self,
        context: ReportContext = NO_CONTEXT,
        *,
        task_resources_id: str | None = None,
        workflow_run_id: str | None = None,
    ) -> ArrayBatchQueued:
        """Return the event that queues the new members as a batch."""
        return ArrayBatchQueued(
            **self._envelope(self.version + 1),
            **context.fields(),
            **self._carried() | {"batch_number": self.last_batch + 1},
            size=self.members,
            task_resources_id=task_resources_id,
            workflow_run_id=workflow_run_id,
        )

    def _carried(self) -> dict[str, Any]:
        return {
            "status": BOUND,
            "max_concurrently_running": self.max_concurrently_running,
            "batch_number": self.last_batch,
        }

    def _envelope(self, version: int) -> dict[str, Any]:
        return {"stream": self.stream, "version": version, "workflow_id": self.workflow_id}


def check_concurrency(value: object) -> int:
    """Return `value` if it can limit concurrent instances.

    Raises:
        InvalidConcurrency: the value is not a number from 0 to MAX_CONCURRENTLY_RUNNING.
    """
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_CONCURRENTLY_RUNNING:
        raise InvalidConcurrency(value)
    return value
