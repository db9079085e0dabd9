"""The Array aggregate: the attempts at a workflow's tasks of one template version, queued batch after batch."""

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

    `last_batch` is the number of its newest batch, 0 before there is one; `members` is how many instances the batch
    has that is being queued.
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
        """The array as people name it."""
        return Entity(ARRAY, self.id)

    @property
    def status(self) -> str:
        """What it is from its first event on."""
        return BOUND

    @classmethod
    def begin(cls, event: ArrayBound) -> Self:
        """The array that `event` binds."""
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
        """The array after one of its events."""
        assert isinstance(event, ArrayEvent)
        return self._replace(
            max_concurrently_running=event.max_concurrently_running,
            last_batch=event.batch_number,
            version=event.version,
            members=self.members if event.batch_number == self.last_batch else 0,
        )

    def next_member(self) -> ArrayMember:
        """Where the next instance stands in the batch that is being queued."""
        return ArrayMember(self.id, self.last_batch + 1, self.members)

    def with_member(self) -> Self:
        """The array after an instance was created in the batch that is being queued."""
        return self._replace(members=self.members + 1)

    def bind(self, report: ReportContext = NO_CONTEXT) -> ArrayBound:
        """The event that makes this array known."""
        return ArrayBound(
            **self._envelope(1),
            **report.fields(),
            **self._carried(),
            task_template_version_id=self.task_template_version_id,
            array_name=self.name,
        )

    def change_concurrency(self, most: int, report: ReportContext = NO_CONTEXT) -> ArrayConcurrencyChanged:
        """The event after which so many of its instances may run at once."""
        carried = self._carried() | {"max_concurrently_running": most}
        return ArrayConcurrencyChanged(**self._envelope(self.version + 1), **report.fields(), **carried)

    def queue_batch(
        self,
        report: ReportContext = NO_CONTEXT,
        *,
        task_resources_id: str | None = None,
        workflow_run_id: str | None = None,
    ) -> ArrayBatchQueued:
        """The event that makes a batch of its new members."""
        return ArrayBatchQueued(
            **self._envelope(self.version + 1),
            **report.fields(),
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
    """`value` itself where so many instances may run at once; raises InvalidConcurrency."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_CONCURRENTLY_RUNNING:
        raise InvalidConcurrency(value)
    return value
