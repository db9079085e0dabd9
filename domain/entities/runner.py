"""The Runner aggregate: whoever takes tasks on and sends heartbeats, as far as the log tells of it."""

from datetime import datetime
from typing import NamedTuple, Self

from domain.entities.events import ALIVE, Event, RunnerEvent, RunnerLapsed, RunnerReturned
from domain.entities.silence import Silence
from domain.entity import RUNNER, Entity
from domain.report_context import NO_CONTEXT, ReportContext
from domain.time import entry_time

NO_WORKFLOW = "-"
"""The workflow of a runner's events: it is of none, and works for many."""


class Runner(NamedTuple):
    """A runner as of its last event: heartbeats are none, so that it has no event before its first lapse."""

    id: str
    status: str = ALIVE
    version: int = 0
    entered_at: datetime | None = None
    silent_since: datetime | None = None

    @property
    def stream(self) -> str:
        """The name of the runner's stream in the log."""
        return f"{RUNNER}:{self.id}"

    @property
    def entity(self) -> Entity:
        """The runner as people name it."""
        return Entity(RUNNER, self.id)

    @property
    def workflow_id(self) -> str:
        """What stands where the events of others name their workflow."""
        return NO_WORKFLOW

    @classmethod
    def begin(cls, event: RunnerEvent) -> Self:
        """The runner before its first event."""
        return cls(event.stream.partition(":")[2])

    def evolve(self, event: Event) -> Self:
        """The runner after one of its events."""
        assert isinstance(event, RunnerLapsed | RunnerReturned)
        silent_since = event.silent_since if isinstance(event, RunnerLapsed) else None
        return self._replace(
            status=event.status,
            version=event.version,
            entered_at=entry_time(event.effective_at, self.entered_at),
            silent_since=silent_since,
        )

    def lapse(self, silence: Silence, report: ReportContext = NO_CONTEXT) -> RunnerLapsed:
        """The event that its lease has run out."""
        return RunnerLapsed(
            stream=self.stream,
            version=self.version + 1,
            workflow_id=self.workflow_id,
            **report.fields(),
            silent_since=silence.since,
            heard_at=silence.heard_at,
        )

    def record_return(self, silence: Silence, report: ReportContext = NO_CONTEXT) -> RunnerReturned:
        """The event that it was heard of again."""
        assert silence.until is not None
        return RunnerReturned(
            stream=self.stream,
            version=self.version + 1,
            workflow_id=self.workflow_id,
            **report.fields(),
            silent_since=silence.since,
            silent_until=silence.until,
            heard_at=silence.heard_at,
        )
