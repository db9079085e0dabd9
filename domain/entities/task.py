"""The Task aggregate: a unit of work and the status that its events have brought it to."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple, Self

from domain.entities.events import (
    Event,
    TaskEvent,
    TaskProposed,
    TaskRefused,
    TaskRegistered,
    TaskReset,
    TaskTransitioned,
)
from domain.entity import TASK, Entity
from domain.errors import TaskConflict
from domain.lifecycles.lifecycle import Lifecycle
from domain.lifecycles.ownership import owner_after
from domain.report_context import NO_CONTEXT, ReportContext
from domain.rule_outcome import ACCEPTED, RuleOutcome
from domain.state import State
from domain.text import storable
from domain.time import entry_time


class Task(NamedTuple):
    """A task as of its last event.

    `instances` is the ordinal of its newest instance, 0 before there is one; `owner` the runner to whom it belongs.
    `state` is there where more is known than the status; `attributes` is what it was registered with for its rules.
    """

    id: str
    workflow_id: str
    lifecycle: Lifecycle
    max_attempts: int
    template: str | None = None
    array_id: str | None = None
    status: str = ""
    num_attempts: int = 0
    instances: int = 0
    version: int = 0
    entered_at: datetime | None = None
    owner: str | None = None
    state: State | None = None
    attributes: Mapping[str, Any] | None = None

    @property
    def stream(self) -> str:
        """The name of the task's stream in the log."""
        return f"{TASK}:{self.id}"

    @property
    def entity(self) -> Entity:
        """The task as people name it."""
        return Entity(TASK, self.id)

    @property
    def is_terminal(self) -> bool:
        """Whether its work has ended."""
        return self.lifecycle.task.is_terminal(self.status)

    def status_implied_by(self, instance_status: str) -> str | None:
        """What an instance in that status means for it after as many attempts as there were, or None."""
        return self.lifecycle.task_status_for(instance_status, self.num_attempts, self.max_attempts)

    @classmethod
    def begin(cls, event: TaskRegistered, lifecycle: Lifecycle) -> Self:
        """The task that `event` registers."""
        return cls(
            id=event.stream.partition(":")[2],
            workflow_id=event.workflow_id,
            lifecycle=lifecycle,
            max_attempts=event.max_attempts,
            template=event.template,
            array_id=event.array_id,
            status=event.status,
            version=event.version,
            entered_at=event.effective_at,
            attributes=event.attributes,
        )

    def evolve(self, event: Event) -> Self:
        """The task after one of its events."""
        assert isinstance(event, TaskEvent)
        owner, state = (event.owner, event.state) if isinstance(event, TaskProposed) else (None, None)
        return self._replace(
            status=event.status,
            num_attempts=event.num_attempts,
            version=event.version,
            entered_at=entry_time(event.effective_at, self.entered_at) if event.is_transition else self.entered_at,
            owner=owner,
            state=state,
        )

    def with_instance(self, ordinal: int) -> Self:
        """The task after an instance of it was created."""
        return self._replace(instances=max(self.instances, ordinal))

    def register(self, report: ReportContext = NO_CONTEXT) -> TaskRegistered:
        """The event that makes this task known."""
        return TaskRegistered(
            **self._envelope(1),
            **report.fields(),
            status=self.lifecycle.task.initial,
            num_attempts=0,
            lifecycle=self.lifecycle.name,
            lifecycle_version=self.lifecycle.version,
            max_attempts=self.max_attempts,
            template=self.template,
            array_id=self.array_id,
            attributes=dict(self.attributes) if self.attributes else None,
        )

    def transition(
        self,
        to: str,
        report: ReportContext = NO_CONTEXT,
        *,
        attempts: int = 0,
        reported: str | None = None,
        outcome: RuleOutcome = ACCEPTED,
        cause: Event | None = None,
        runner_id: str | None = None,
        state: State | None = None,
    ) -> TaskTransitioned:
        """The event that moves the task to `to`, with so many further `attempts` begun.

        `reported` is what was proposed, where it was something else; `outcome` says why.
        """
        further: dict[str, Any] = {} if outcome is ACCEPTED else outcome.fields()
        if runner_id is not None or self.owner is not None:
            further["runner_id"] = runner_id
            further["owner"] = owner_after(self.lifecycle.task, to, runner_id, self.owner)
        if state is not None:
            further["state"] = state
        return TaskTransitioned(
            **self._envelope(self.version + 1),
            **report.fields(),
            **further,
            previous_status=self.status,
            status=to,
            num_attempts=self.num_attempts + attempts,
            reported=None if cause else reported or to,
            cause=cause.reference if cause else None,
        )

    def refuse(
        self,
        proposed: str,
        by: RuleOutcome | str,
        report: ReportContext = NO_CONTEXT,
        cause: Event | None = None,
        runner_id: str | None = None,
    ) -> TaskRefused:
        """The event that keeps a proposal which did not pass: by a verdict, or by a rule of which no more is known."""
        outcome = by if isinstance(by, RuleOutcome) else RuleOutcome(by)
        return TaskRefused(
            **self._envelope(self.version + 1),
            **report.fields(),
            **outcome.fields(),
            status=self.status,
            num_attempts=self.num_attempts,
            reported=storable(proposed),
            cause=cause.reference if cause else None,
            owner=self.owner,
            state=self.state,
            runner_id=runner_id,
        )

    def reset(self, to: str, report: ReportContext = NO_CONTEXT) -> TaskReset:
        """The event that sends the task back to `to` with no attempt made."""
        return TaskReset(
            **self._envelope(self.version + 1),
            **report.fields(),
            previous_status=self.status,
            status=to,
            num_attempts=0,
        )

    def _envelope(self, version: int) -> dict[str, Any]:
        return {"stream": self.stream, "version": version, "workflow_id": self.workflow_id}


def raise_if_different(was: Task, now: Task) -> None:
    """Raise TaskConflict where the registration of a task again differs from the first one."""
    before, after = _content(was), _content(now)
    differences = {name: (before[name], after[name]) for name in before if before[name] != after[name]}
    if differences:
        raise TaskConflict(was.id, differences)


def _content(task: Task) -> dict[str, object]:
    return {
        "workflow": task.workflow_id,
        "lifecycle": f"{task.lifecycle.name} version {task.lifecycle.version}",
        "max_attempts": task.max_attempts,
        "template": task.template,
        "array": task.array_id,
        "attributes": task.attributes,
    }
