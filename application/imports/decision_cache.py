"""Decisions that were made before, for entities that were in the same statuses: told again with other ids and times.

What the domain decides about a report depends on the lifecycle, on the statuses of the task and its instance, and on
how many attempts there were. A dump says the same about thousands of jobs. Each such case goes through the pipeline
once, for entities without a name; what comes of it is kept as a shape, and filled in from then on. Where more could
matter (an owner, a state, what rules of a task's own proposals know), there is no shape, and every case is decided.
"""

from collections.abc import Callable, Hashable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from pydantic_core import to_json

from application.imports.tally import EventCounts
from domain.actor import Actor
from domain.decisions.decide import decide
from domain.decisions.decision import Decision, Family
from domain.decisions.proposals import InstanceCreation, InstanceReport, Registration, TaskRequest
from domain.entities.events import Event, TaskEvent
from domain.entities.task import Task
from domain.entities.task_instance import TaskInstance
from domain.lifecycles import get_lifecycle
from domain.lifecycles.lifecycle import Lifecycle
from domain.report_context import ReportContext
from domain.rules.core_rules import CORE_RULES
from domain.rules.rulebook import rulebook_of
from domain.text import storable
from infrastructure.log.event_log import AppendedRow

MOST = 20_000
"""How many shapes are kept."""

TOLD = ReportContext(None, "reason", datetime(2000, 1, 1, tzinfo=UTC), "command")
"""A report all of whose parts can be found again in what comes of it."""

FILLED_IN = {"actor", "reason", "command_id", "cause", "task_id", "template"}
"""What of an event's data depends on the entity or the report."""


TASK_MORE = Task._fields.index("entered_at") + 1
UNREMARKABLE_TASK = Task("t", "w", get_lifecycle("jobmon"), 1)[TASK_MORE:]
INSTANCE_MORE = TaskInstance._fields.index("entered_at") + 1
UNREMARKABLE_INSTANCE = TaskInstance("i", "t", "w", 1)[INSTANCE_MORE:]
"""What follows `entered_at` in an entity of which nothing is known but what a shape is found by."""


class EventTemplate(NamedTuple):
    """An event without what is filled in: `version` counts from that of its entity before.

    `cause` says of which entity (True: the task) and version the event is that made this one happen.
    """

    of_task: bool
    version: int
    name: str
    enters: bool
    data: bytes
    reason: bool
    cause: tuple[bool, int] | None


class CachedDecision(NamedTuple):
    """What comes of a proposal: its events, and the entities' statuses and numbers after it.

    `caused` has the statuses that the task has entered because of its instance.
    """

    events: tuple[EventTemplate, ...]
    counts: EventCounts
    status: str
    num_attempts: int
    instances: int
    task_versions: int
    task_enters: bool
    instance_status: str | None
    instance_versions: int
    instance_enters: bool
    entered: tuple[tuple[str, bool], ...]


class EventValues(NamedTuple):
    """What a report fills in, as JSON."""

    at: datetime
    everywhere: bytes
    reason: bytes

    @classmethod
    def of(cls, actor: Actor | None, reason: str | None, at: datetime, command_id: str | None) -> "EventValues":
        """What a report of that actor, for that reason, at that time, under that command fills in."""
        everywhere = _actor(actor) if actor else b""
        if command_id:
            everywhere += b',"command_id":' + to_json(command_id)
        return cls(at, everywhere, b',"reason":' + to_json(storable(reason)) if reason is not None else b"")


class DecisionCache:
    """The shapes that were met, for any lifecycle."""

    def __init__(self) -> None:
        self._shapes: dict[Hashable, CachedDecision] = {}
        self._typical: dict[int, tuple[Lifecycle, bool, bool]] = {}

    def registration(self, task: Task) -> CachedDecision | None:
        """What comes of registering the task."""
        if not self._is_typical(task) or task.array_id is not None:
            return None
        return self._met(
            ("task", id(task.lifecycle), task.max_attempts),
            task,
            None,
            lambda task, _: decide(Family(None, task), Registration(), TOLD),
        )

    def creation(self, task: Task) -> CachedDecision | None:
        """What comes of a further instance of the task."""
        if not self._is_typical(task):
            return None
        return self._met(
            (*_numbers(task), "new"),
            task,
            None,
            lambda task, _: decide(Family(None, task), InstanceCreation("i"), TOLD),
        )

    def report(self, instance: TaskInstance, task: Task, to: str) -> CachedDecision | None:
        """What comes of a report that the instance is in a status."""
        if not self._is_typical(task) or instance[INSTANCE_MORE:] != UNREMARKABLE_INSTANCE:
            return None
        return self._met(
            (*_numbers(task), instance.ordinal, instance.status, to),
            task,
            instance,
            lambda task, instance: decide(Family(instance, task), InstanceReport(to), TOLD),
        )

    def proposal(self, task: Task, to: str, *, starts_attempt: bool) -> CachedDecision | None:
        """What comes of a proposal that the task go to a status."""
        if not self._is_typical(task) or not self._typical[id(task.lifecycle)][2]:
            return None
        return self._met(
            (*_numbers(task), to, starts_attempt),
            task,
            None,
            lambda task, _: decide(Family(None, task), TaskRequest(to, starts_attempt), TOLD),
        )

    def _is_typical(self, task: Task) -> bool:
        known = self._typical.get(id(task.lifecycle))
        if known is None:
            known = self._typical[id(task.lifecycle)] = _typical(task.lifecycle)
        return known[1] and task[TASK_MORE:] == UNREMARKABLE_TASK

    def _met(
        self,
        case: Hashable,
        task: Task,
        instance: TaskInstance | None,
        decide_case: Callable[[Task, Any], Decision],
    ) -> CachedDecision:
        shape = self._shapes.get(case)
        if shape is None:
            if len(self._shapes) >= MOST:
                self._shapes.clear()
            nameless = task._replace(id="t", workflow_id="w", template=None, array_id=None, version=0, entered_at=None)
            of = instance and instance._replace(id="i", task_id="t", workflow_id="w", version=0, entered_at=None)
            shape = self._shapes[case] = _shape(decide_case(nameless, of))
        return shape


def build_rows(
    shape: CachedDecision, task: Task, instance: TaskInstance | None, filling: EventValues, template: str | None = None
) -> list[AppendedRow]:
    """The events of the shape, of entities as they are before it, in order."""
    task_stream = f"task:{task.id}"
    own = to_json(task.id)
    task_entered, instance_entered = task.entered_at, instance.entered_at if instance else None
    stream, version = ("", 0) if instance is None else (f"task_instance:{instance.id}", instance.version)
    made: list[AppendedRow] = []
    for event in shape.events:
        data = event.data + filling.everywhere
        if event.reason:
            data += filling.reason
        if event.cause:
            of_task, number = event.cause
            cause = f"{task_stream}@{task.version + number}" if of_task else f"{stream}@{version + number}"
            data += b',"cause":' + to_json(cause)
        if event.of_task:
            if event.enters:
                task_entered = later(filling.at, task_entered)
            if template is not None:
                data += b',"template":' + to_json(template)
            made.append(
                (task_stream, task.version + event.version, event.name, task.workflow_id, filling.at, task_entered,
                 data + b"}")
            )  # fmt: skip
        else:
            if event.enters:
                instance_entered = later(filling.at, instance_entered)
            made.append(
                (stream, version + event.version, event.name, task.workflow_id, filling.at, instance_entered,
                 data + b',"task_id":' + own + b"}")
            )  # fmt: skip
    return made


def task_after(shape: CachedDecision, task: Task, at: datetime) -> Task:
    """The task after what the shape says."""
    return Task(
        task.id,
        task.workflow_id,
        task.lifecycle,
        task.max_attempts,
        task.template,
        task.array_id,
        shape.status,
        shape.num_attempts,
        shape.instances,
        task.version + shape.task_versions,
        later(at, task.entered_at) if shape.task_enters else task.entered_at,
    )


def instance_after(shape: CachedDecision, instance: TaskInstance, at: datetime) -> TaskInstance:
    """The instance after what the shape says."""
    assert shape.instance_status is not None
    return TaskInstance(
        instance.id,
        instance.task_id,
        instance.workflow_id,
        instance.ordinal,
        shape.instance_status,
        instance.version + shape.instance_versions,
        later(at, instance.entered_at) if shape.instance_enters else instance.entered_at,
    )


def later(at: datetime, before: datetime | None) -> datetime:
    """The later of two times, which are both in UTC."""
    return at if before is None or at > before else before


def event_row(event: Event, entered_at: datetime | None) -> AppendedRow:
    """An event as the log takes it."""
    data = to_json(event, exclude_none=True)
    return event.stream, event.version, event.name, event.workflow_id, event.occurred_at, entered_at, data


def _numbers(task: Task) -> tuple[int, str, int, int, int]:
    return id(task.lifecycle), task.status, task.num_attempts, task.max_attempts, task.instances


def _typical(lifecycle: Lifecycle) -> tuple[Lifecycle, bool, bool]:
    # The lifecycle is kept, so that no other one gets its id.
    reads_state = any(CORE_RULES[rule].reads_state for rule in lifecycle.rules)
    return lifecycle, not reads_state, not rulebook_of(lifecycle).requests


def _shape(decision: Decision) -> CachedDecision:
    task, instance = decision.task, decision.instance
    of_task = [event for event in decision.events if isinstance(event, TaskEvent)]
    of_instance = [event for event in decision.events if not isinstance(event, TaskEvent)]
    return CachedDecision(
        tuple(map(_template, decision.events)),
        EventCounts.of(decision.events),
        task.status,
        task.num_attempts,
        task.instances,
        len(of_task),
        _enters(of_task),
        instance.status if instance else None,
        len(of_instance),
        _enters(of_instance),
        tuple((event.status, event.cause is not None) for event in of_task if event.name == "task.transitioned.v1"),
    )


def _enters(events: Sequence[Event]) -> bool:
    return any(event.is_transition for event in events)


def _template(event: Event) -> EventTemplate:
    data = to_json(event.model_dump(mode="json", exclude_none=True, exclude=FILLED_IN))[:-1]
    return EventTemplate(
        isinstance(event, TaskEvent),
        event.version,
        event.name,
        event.is_transition,
        data,
        event.reason is not None,
        _cause(event.cause) if event.cause else None,
    )


def _cause(cause: str) -> tuple[bool, int]:
    stream, _, version = cause.rpartition("@")
    return stream.startswith("task:"), int(version)


@lru_cache(maxsize=10_000)
def _actor(actor: Actor) -> bytes:
    return b',"actor":' + to_json(actor, exclude_none=True)
