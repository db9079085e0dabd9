"""The Erasure aggregate: the replacement of what the log has of a person."""

from datetime import datetime
from typing import NamedTuple, Self

from domain.actor import Actor
from domain.entities.events import ERASING, Event, LogErased, LogErasureBegun
from domain.entities.runner import NO_WORKFLOW
from domain.entity import LOG, Entity
from domain.report_context import NO_CONTEXT, ReportContext
from domain.time import entry_time


class Erasure(NamedTuple):
    """An erasure as of its last event; its id is the name that replaces the person's."""

    id: str
    status: str = ERASING
    version: int = 0
    entered_at: datetime | None = None

    @classmethod
    def numbered(cls, number: int) -> Self:
        """Return the erasure of that number before its first event."""
        return cls(Actor.erased(number).component)

    @property
    def stream(self) -> str:
        """The name of the erasure's stream in the log."""
        return f"{LOG}:{self.id}"

    @property
    def entity(self) -> Entity:
        """The erasure by the name that people give it."""
        return Entity(LOG, self.id)

    @property
    def workflow_id(self) -> str:
        """The workflow that its events name: none, because they stay in the log when workflows leave it."""
        return NO_WORKFLOW

    @classmethod
    def begun(cls, event: LogErasureBegun) -> Self:
        """Return the erasure after `event`, its first."""
        return cls(event.stream.partition(":")[2], event.status, event.version, event.effective_at)

    def evolve(self, event: Event) -> Self:
        """Return the erasure after `event`."""
        entered_at = entry_time(event.effective_at, self.entered_at)
        return self._replace(status=event.status, version=event.version, entered_at=entered_at)

    def begin(self, context: ReportContext = NO_CONTEXT, only_workflow: str | None = None) -> LogErasureBegun:
        """Return the event that states who erases, and why."""
        return LogErasureBegun(
            stream=self.stream, version=1, workflow_id=self.workflow_id, **context.fields(),
            only_workflow=only_workflow,
        )  # fmt: skip

    def end(self, events: int) -> LogErased:
        """Return the event that states that it has ended, after it has changed a number of events."""
        return LogErased(
            stream=self.stream, version=2, workflow_id=self.workflow_id, cause=f"{self.stream}@1", events=events
        )
