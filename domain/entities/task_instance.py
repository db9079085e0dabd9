"""The TaskInstance aggregate: one attempt at a task."""

from datetime import datetime
from typing import Any, NamedTuple, Self

from domain.entities.entry import entry_after
from domain.entities.events import (
    Event,
    TaskInstanceCreated,
    TaskInstanceEvent,
    TaskInstanceLapsed,
    TaskInstanceRefused,
    TaskInstanceReturned,
    TaskInstanceSubmitted,
    TaskInstanceTransitioned,
)
from domain.entities.silence import Silence
from domain.entity import TASK_INSTANCE, Entity
from domain.report_context import NO_CONTEXT, ReportContext
from domain.text import storable


class ArrayMember(NamedTuple):
    """The position of an instance in an array: the number of its batch, and its step in that batch from 0 on."""

    array_id: str | None = None
    batch_number: int | None = None
    step: int | None = None


NOT_IN_ARRAY = ArrayMember()
"""The position of an instance that is in no array."""


class TaskInstance(NamedTuple):
    """A task instance as of its last event. `ordinal` counts the instances of its task from 1.

    `silent_since` is set from a recorded lapse until the next heartbeat; no projection has it.
    """

    id: str
    task_id: str
    workflow_id: str
    ordinal: int
    status: str = ""
    version: int = 0
    entered_at: datetime | None = None
    report_by_date: datetime | None = None
    distributor_id: str | None = None
    silent_since: datetime | None = None
    member: ArrayMember = NOT_IN_ARRAY
    entered_clock: str | None = None

    @property
    def stream(self) -> str:
        """The name of the instance's stream in the log."""
        return f"{TASK_INSTANCE}:{self.id}"

    @property
    def entity(self) -> Entity:
        """The instance by the name that people give it."""
        return Entity(TASK_INSTANCE, self.id)

    @classmethod
    def begin(cls, event: TaskInstanceCreated) -> Self:
        """Return the instance that `event` creates."""
        return cls(
            id=event.stream.partition(":")[2],
            task_id=event.task_id,
            workflow_id=event.workflow_id,
            ordinal=event.ordinal,
            status=event.status,
            version=event.version,
            entered_at=event.effective_at,
            entered_clock=event.clock,
            report_by_date=event.report_by_date,
            distributor_id=event.distributor_id,
            member=ArrayMember(event.array_id, event.batch_number, event.step),
        )

    def evolve(self, event: Event) -> Self:
        """Return the instance after `event`."""
        assert isinstance(event, TaskInstanceEvent)
        entry = entry_after(event, self.entered_at, self.entered_clock)
        return self._replace(
            status=event.status,
            version=event.version,
            entered_at=entry.entered_at,
            entered_clock=entry.entered_clock,
            report_by_date=event.report_by_date,
            distributor_id=event.distributor_id,
            silent_since=self._silent_since(event),
        )

    def create(self, status: str, context: ReportContext = NO_CONTEXT) -> TaskInstanceCreated:
        """Return the event that creates this instance, in `status`."""
        return TaskInstanceCreated(
            **self._envelope(1),
            **context.fields(),
            status=status,
            ordinal=self.ordinal,
            task_id=self.task_id,
            waits_for=context.waits_for,
            **self.member._asdict(),
        )

    def transition(
        self,
        to: str,
        context: ReportContext = NO_CONTEXT,
        *,
        reported: str | None = None,
        rule: str | None = None,
        expected_status: str | None = None,
        report_by_date: datetime | None = None,
        cause: Event | None = None,
        clock_tolerance: float | None = None,
    ) -> TaskInstanceTransitioned:
        """Return the event that moves the instance to `to`; if that is not what was `reported`, `rule` changed it."""
        return TaskInstanceTransitioned(
            **self._envelope(self.version + 1),
            **context.fields(),
            **self._carried(report_by_date),
            previous_status=self.status,
            status=to,
            reported=reported,
            rule=rule,
            claimed=expected_status,
            cause=cause.reference if cause else None,
            clock_tolerance=clock_tolerance,
            waits_for=context.waits_for if reported in (None, to) else None,
        )

    def refuse(
        self,
        reported: str,
        rule: str,
        context: ReportContext = NO_CONTEXT,
        *,
        expected_status: str | None = None,
        clock_tolerance: float | None = None,
    ) -> TaskInstanceRefused:
        """Return the event that records a report which `rule` refused."""
        return TaskInstanceRefused(
            **self._envelope(self.version + 1),
            **context.fields(),
            **self._carried(None),
            status=self.status,
            reported=storable(reported),
            rule=rule,
            claimed=expected_status,
            clock_tolerance=clock_tolerance,
        )

    def lapse(self, silence: Silence, context: ReportContext = NO_CONTEXT) -> TaskInstanceLapsed:
        """Return the event that records an expired lease."""
        return TaskInstanceLapsed(
            **self._envelope(self.version + 1),
            **context.fields(),
            **self._carried(None),
            status=self.status,
            silent_since=silence.since,
            heard_at=silence.heard_at,
        )

    def record_return(self, silence: Silence, context: ReportContext = NO_CONTEXT) -> TaskInstanceReturned:
        """Return the event that records a heartbeat after a silence."""
        assert silence.until is not None
        return TaskInstanceReturned(
            **self._envelope(self.version + 1),
            **context.fields(),
            **self._carried(None),
            status=self.status,
            silent_since=silence.since,
            silent_until=silence.until,
            heard_at=silence.heard_at,
        )

    def _silent_since(self, event: TaskInstanceEvent) -> datetime | None:
        if isinstance(event, TaskInstanceLapsed):
            return event.silent_since
        sign_of_life = event.is_transition or isinstance(event, TaskInstanceReturned)
        return None if sign_of_life else self.silent_since

    def submit(
        self,
        distributor_id: str,
        context: ReportContext = NO_CONTEXT,
        *,
        stdout: str | None = None,
        stderr: str | None = None,
    ) -> TaskInstanceSubmitted:
        """Return the event that records the id that a distributor assigned, and the paths of the instance's output."""
        return TaskInstanceSubmitted(
            **self._envelope(self.version + 1),
            **context.fields(),
            **self._carried(None) | {"distributor_id": distributor_id},
            status=self.status,
            stdout=stdout,
            stderr=stderr,
        )

    def _carried(self, report_by_date: datetime | None) -> dict[str, Any]:
        return {
            "task_id": self.task_id,
            "report_by_date": report_by_date or self.report_by_date,
            "distributor_id": self.distributor_id,
        }

    def _envelope(self, version: int) -> dict[str, Any]:
        return {"stream": self.stream, "version": version, "workflow_id": self.workflow_id}
