"""The Runner aggregate: a worker that owns tasks and sends heartbeats."""

from datetime import datetime
from typing import NamedTuple, Self

from domain.entities.events import ALIVE, Event, RunnerEvent, RunnerLapsed, RunnerReturned
from domain.entities.silence import Silence
from domain.entity import RUNNER, Entity
from domain.report_context import NO_CONTEXT, ReportContext
from domain.time import entry_time

NO_WORKFLOW = "-"
"""The workflow of a runner's events, because a runner works for many."""


class Runner(NamedTuple):
    """A runner as of its last event. Heartbeats are not events, so it has none until its lease first expires."""

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
        """The runner by the name that people give it."""
        return Entity(RUNNER, self.id)

    @property
    def workflow_id(self) -> str:
        """The workflow that its events name."""
        return NO_WORKFLOW

    @classmethod
    def begin(cls, event: RunnerEvent) -> Self:
        """Return the runner before `event`, its first."""
        return cls(event.stream.partition(":")[2])

    def evolve(self, event: Event) -> Self:
        """Return the runner after `event`."""
        assert isinstance(event, RunnerLapsed | RunnerReturned)
        silent_since = event.silent_since if isinstance(event, RunnerLapsed) else None
        return self._replace(
            status=event.status,
            version=event.version,
            entered_at=entry_time(event.effective_at, self.entered_at),
            silent_since=silent_since,
        )

    def lapse(self, silence: Silence, context: ReportContext = NO_CONTEXT) -> RunnerLapsed:
        """Return the event that records an expired lease."""
        return RunnerLapsed(
            stream=self.stream,
            version=self.version + 1,
            workflow_id=self.workflow_id,
            **context.fields(),
            silent_since=silence.since,
            heard_at=silence.heard_at,
        )

    def record_return(self, silence: Silence, context: ReportContext = NO_CONTEXT) -> RunnerReturned:
        """Return the event that records a heartbeat after a silence."""
        assert silence.until is not None
        return RunnerReturned(
            stream=self.stream,
            version=self.version + 1,
            workflow_id=self.workflow_id,
            **context.fields(),
            silent_since=silence.since,
            silent_until=silence.until,
            heard_at=silence.heard_at,
        )
