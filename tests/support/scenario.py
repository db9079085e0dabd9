"""Help tests to decide without a database: given a task and its instances in memory, when one reports, then events.

    scenario = given("RUNNING", "RUNNING", attempts=1)     # a task, and its instances from the oldest on
    decision = scenario.report("ERROR")                    # its newest instance reports it
    assert in_words(decision) == ["ti/1 RUNNING -> ERROR", "task RUNNING -> ERROR_RECOVERABLE", ...]

Events are recorded at datetime.now, which freezegun may hold still; what is given, at a time that may be stated.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from domain.decisions.decide import decide
from domain.decisions.decision import Decision, Family
from domain.decisions.proposals import InstanceCreation, InstanceReport, ResetRequest, TaskRequest
from domain.decisions.reset import end_instance
from domain.entities.events import (
    Event,
    TaskEvent,
    TaskInstanceCreated,
    TaskInstanceEvent,
    TaskInstanceRefused,
    TaskRefused,
    TaskRegistered,
)
from domain.entities.task import Task
from domain.entities.task_instance import TaskInstance
from domain.lifecycles import get_lifecycle
from domain.lifecycles.lifecycle import Lifecycle
from domain.report_context import NO_CONTEXT, ReportContext
from domain.rules.slots import Slots
from domain.state import State

JOBMON = get_lifecycle("jobmon")
TASK_MACHINE = JOBMON.task
INSTANCE_MACHINE = JOBMON.instance_machine


@dataclass
class Scenario:
    """A task, its instances by their ordinals, and every event so far, oldest first."""

    task: Task
    instances: dict[int, TaskInstance] = field(default_factory=dict)
    log: list[Event] = field(default_factory=list)

    def report(
        self, status: str, report: ReportContext = NO_CONTEXT, *, instance: int | None = None, **more: Any
    ) -> Decision:
        """Report the status of an instance, by default the newest."""
        reporter = self.instances[instance or self.task.instances]
        return self._record(decide(Family(reporter, self.task), InstanceReport(status, **more), report))

    def create(self, report: ReportContext = NO_CONTEXT) -> Decision:
        """A further instance is created."""
        return self._record(decide(Family(None, self.task), InstanceCreation(f"t/{self.task.instances + 1}"), report))

    def propose(
        self, status: str | State, report: ReportContext = NO_CONTEXT, *, slots: Slots | None = None, **more: Any
    ) -> Decision:
        """Somebody proposes a status for the task."""
        report = replace(report, now=datetime.now(UTC))
        return self._record(decide(Family(None, self.task), TaskRequest(status, **more), report, slots))

    def reset(self, report: ReportContext = NO_CONTEXT, *, reset_if_running: bool = False) -> Decision:
        """Resume the workflow: reset the task, and request its active instances to end."""
        decision = self._record(decide(Family(None, self.task), ResetRequest(reset_if_running), report))
        if not decision.refused:
            for instance in list(self.instances.values()):
                for event in end_instance(instance, decision, report):
                    self.take(event)
        return decision

    def take(self, event: Event, at: datetime | None = None) -> None:
        """Record an event, and let the entities be what it makes of them."""
        recorded = event.model_copy(update={"recorded_at": at or datetime.now(UTC)})
        self.log.append(recorded)
        self.task, self.instances = folded(self.task, self.instances, recorded)

    def _record(self, decision: Decision) -> Decision:
        for event in decision.events:
            self.take(event)
        # The decision's entities are what their events make of them.
        assert _timeless(decision.task) == _timeless(self.task)
        if decision.instance:
            assert _timeless(decision.instance) == _timeless(self.instances[decision.instance.ordinal])
        return decision


def given(
    task: str | None = None,
    *instances: str,
    attempts: int = 0,
    max_attempts: int = 3,
    lifecycle: str | Lifecycle = "jobmon",
    at: datetime | None = None,
) -> Scenario:
    """Return a task in a status after a number of attempts, with its instances, recorded at `at`.

    By default it is a new task, recorded now.
    """
    pinned = get_lifecycle(lifecycle) if isinstance(lifecycle, str) else lifecycle
    unborn = Task("t", "w", pinned, max_attempts)
    scenario = Scenario(unborn)
    scenario.take(unborn.register(), at)
    for ordinal, status in enumerate(instances, start=1):
        scenario.take(TaskInstance(f"t/{ordinal}", "t", "w", ordinal).create(status), at)
    if task is not None and (task, attempts) != (scenario.task.status, 0):
        scenario.take(scenario.task.transition(task, attempts=attempts), at)
    return scenario


def folded(task: Task, instances: dict[int, TaskInstance], event: Event) -> tuple[Task, dict[int, TaskInstance]]:
    """Return the entities after one more event, built from the log alone."""
    if isinstance(event, TaskRegistered):
        return Task.begin(event, task.lifecycle), instances
    if isinstance(event, TaskEvent):
        return task.evolve(event), instances
    if isinstance(event, TaskInstanceCreated):
        instance = TaskInstance.begin(event)
    else:
        instance = next(known for known in instances.values() if known.stream == event.stream).evolve(event)
    return task.with_instance(instance.ordinal), instances | {instance.ordinal: instance}


def in_words(events: Decision | Iterable[Event]) -> list[str]:
    """Return the events in words: `task RUNNING -> DONE`, `ti/1 refuses LAUNCHED (untimely-transition)`."""
    return [_in_words(event) for event in (events.events if isinstance(events, Decision) else events)]


def _in_words(event: Event) -> str:
    who = f"ti/{event.stream.rpartition('/')[2]}" if isinstance(event, TaskInstanceEvent) else "task"
    rule = f" ({event.rule})" if event.rule else ""
    if event.version == 1:
        return f"{who} begins {event.status}"
    if isinstance(event, TaskRefused | TaskInstanceRefused):
        return f"{who} refuses {event.reported}{rule}"
    return f"{who} {getattr(event, 'previous_status', '?')} -> {event.status}{rule}"


def _timeless(entity: Task | TaskInstance) -> Task | TaskInstance:
    return entity._replace(entered_at=None)
