"""The Task aggregate: a unit of work, with the status that its events have led to."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Self

from domain.entities.entry import entry_after
from domain.entities.events import (
    Event,
    TaskEvent,
    TaskProposed,
    TaskRefused,
    TaskRegistered,
    TaskReset,
    TaskTransitioned,
    TaskUpstreamAdded,
)
from domain.entity import TASK, Entity
from domain.errors import TaskConflict
from domain.lifecycles.lifecycle import Lifecycle
from domain.lifecycles.ownership import owner_after
from domain.report_context import NO_CONTEXT, ReportContext
from domain.rule_outcome import ACCEPTED, RuleOutcome
from domain.state import State
from domain.text import storable


class Task(NamedTuple):
    """A task as of its last event.

    `instances` is the ordinal of its newest instance, 0 before the first; `owner` is the runner that owns it. `state`
    is set where more than its status is known; `attributes` are what the rules of its lifecycle read. `parent_id` is
    the task that it is a part of.
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
    entered_clock: str | None = None
    parent_id: str | None = None

    @property
    def stream(self) -> str:
        """The name of the task's stream in the log."""
        return f"{TASK}:{self.id}"

    @property
    def entity(self) -> Entity:
        """The task by the name that people give it."""
        return Entity(TASK, self.id)

    @property
    def is_terminal(self) -> bool:
        """Whether its work has ended."""
        return self.lifecycle.task.is_terminal(self.status)

    def status_implied_by(self, instance_status: str) -> str | None:
        """Return the status that an instance in `instance_status` implies for it now, or None if there is no effect."""
        return self.lifecycle.task_status_for(instance_status, self.num_attempts, self.max_attempts)

    @classmethod
    def begin(cls, event: TaskRegistered, lifecycle: Lifecycle) -> Self:
        """Return the task that `event` registers."""
        return cls(
            id=event.stream.partition(":")[2],
            workflow_id=event.workflow_id,
            lifecycle=lifecycle,
            max_attempts=event.max_attempts,
            template=event.template,
            array_id=event.array_id,
            status=event.status,
            num_attempts=event.num_attempts,
            version=event.version,
            entered_at=event.effective_at,
            entered_clock=event.clock,
            attributes=event.attributes,
            parent_id=event.parent,
        )

    def evolve(self, event: Event) -> Self:
        """Return the task after `event`."""
        assert isinstance(event, TaskEvent)
        entry = entry_after(event, self.entered_at, self.entered_clock)
        owner, state = None, None
        if isinstance(event, TaskProposed | TaskUpstreamAdded):
            owner, state = event.owner, event.state
        return self._replace(
            status=event.status,
            num_attempts=event.num_attempts,
            version=event.version,
            entered_at=entry.entered_at,
            entered_clock=entry.entered_clock,
            owner=owner,
            state=state,
        )

    def with_instance(self, ordinal: int) -> Self:
        """Return the task after an instance of it was created."""
        return self._replace(instances=max(self.instances, ordinal))

    @property
    def has_begun(self) -> bool:
        """Whether an attempt at it has begun, or its work has ended."""
        return self.num_attempts > 0 or self.instances > 0 or self.is_terminal

    def register(
        self, context: ReportContext = NO_CONTEXT, upstream: Sequence[str] = (), status: str | None = None
    ) -> TaskRegistered:
        """Return the event that registers this task, which waits for those of `upstream`.

        It begins in `status`, or without one in the initial status of its lifecycle.

        Raises:
            UnknownStatus: the machine has no such status.
            InvalidStart: no task of the lifecycle begins in that status.
        """
        first = self.lifecycle.task.initial if status is None else self.lifecycle.task.check_start(status)
        return TaskRegistered(
            **self._envelope(1),
            **context.fields(),
            status=first,
            num_attempts=self.lifecycle.attempts_at_start(first),
            lifecycle=self.lifecycle.name,
            lifecycle_version=self.lifecycle.version,
            max_attempts=self.max_attempts,
            template=self.template,
            array_id=self.array_id,
            attributes=dict(self.attributes) if self.attributes else None,
            parent=self.parent_id,
            upstream=tuple(upstream) or None,
            waits_for=context.waits_for,
        )

    def add_upstream(self, upstream: Sequence[str], context: ReportContext = NO_CONTEXT) -> TaskUpstreamAdded:
        """Return the event by which the task waits for those of `upstream`, too."""
        return TaskUpstreamAdded(
            **self._envelope(self.version + 1),
            **context.fields(),
            status=self.status,
            num_attempts=self.num_attempts,
            upstream=tuple(upstream),
            owner=self.owner,
            state=self.state,
        )

    def transition(
        self,
        to: str,
        context: ReportContext = NO_CONTEXT,
        *,
        attempts: int = 0,
        reported: str | None = None,
        outcome: RuleOutcome = ACCEPTED,
        cause: Event | None = None,
        runner_id: str | None = None,
        state: State | None = None,
        clock_tolerance: float | None = None,
    ) -> TaskTransitioned:
        """Return the event that moves the task to `to` and counts `attempts` further attempts.

        A lifecycle may begin to count again where the task leaves a terminal status.

        `reported` is the status that was proposed, if it was another; `outcome` says which rule changed it.
        """
        further: dict[str, Any] = {"waits_for": context.waits_for} if outcome is ACCEPTED else outcome.fields()
        if clock_tolerance is not None:
            further["clock_tolerance"] = clock_tolerance
        if runner_id is not None or self.owner is not None:
            further["runner_id"] = runner_id
            further["owner"] = owner_after(self.lifecycle.task, to, runner_id, self.owner)
        if state is not None:
            further["state"] = state
        return TaskTransitioned(
            **self._envelope(self.version + 1),
            **context.fields(),
            **further,
            previous_status=self.status,
            status=to,
            num_attempts=self.attempts_before(to) + attempts,
            reported=None if cause else reported or to,
            cause=cause.reference if cause else None,
        )

    def refuse(
        self,
        proposed: str,
        outcome: RuleOutcome,
        context: ReportContext = NO_CONTEXT,
        cause: Event | None = None,
        runner_id: str | None = None,
        clock_tolerance: float | None = None,
    ) -> TaskRefused:
        """Return the event that records a refused proposal, with the rule that refused it."""
        return TaskRefused(
            **self._envelope(self.version + 1),
            **context.fields(),
            **outcome.fields(),
            status=self.status,
            num_attempts=self.num_attempts,
            reported=storable(proposed),
            cause=cause.reference if cause else None,
            owner=self.owner,
            state=self.state,
            runner_id=runner_id,
            clock_tolerance=clock_tolerance,
        )

    def attempts_before(self, to: str) -> int:
        """Return the attempts that count as it goes to `to`, without one that begins there."""
        return 0 if self.lifecycle.restarts_attempts(self.status, to) else self.num_attempts

    def reset(self, to: str, context: ReportContext = NO_CONTEXT) -> TaskReset:
        """Return the event that sends the task back to `to`, with no attempt counted."""
        return TaskReset(
            **self._envelope(self.version + 1),
            **context.fields(),
            previous_status=self.status,
            status=to,
            num_attempts=0,
            waits_for=context.waits_for,
        )

    def _envelope(self, version: int) -> dict[str, Any]:
        return {"stream": self.stream, "version": version, "workflow_id": self.workflow_id}


def raise_if_different(known: Task, again: Task) -> None:
    """Compare a task with a further registration of it.

    Raises:
        TaskConflict: the two registrations differ.
    """
    before, after = _content(known), _content(again)
    differences = {name: (before[name], after[name]) for name in before if before[name] != after[name]}
    if differences:
        raise TaskConflict(known.id, differences)


def _content(task: Task) -> dict[str, object]:
    return {
        "workflow": task.workflow_id,
        "lifecycle": f"{task.lifecycle.name} version {task.lifecycle.version}",
        "max_attempts": task.max_attempts,
        "template": task.template,
        "array": task.array_id,
        "attributes": task.attributes,
        "parent": task.parent_id,
    }
