"""Check that each event of a log was legal under its lifecycle, given the events before it."""

from collections.abc import Iterator
from typing import Any

from domain.auditing.mismatch import Mismatch
from domain.auditing.replay import Replay, Replayed
from domain.entities.array import Array
from domain.entities.events import (
    ArrayBatchQueued,
    ArrayBound,
    ArrayConcurrencyChanged,
    ArrayEvent,
    Event,
    LogErasureBegun,
    RunnerEvent,
    TaskEvent,
    TaskInstanceCreated,
    TaskInstanceEvent,
    TaskInstanceLapsed,
    TaskInstanceRefused,
    TaskInstanceReturned,
    TaskInstanceTransitioned,
    TaskRefused,
    TaskRegistered,
    TaskReset,
    TaskTransitioned,
)
from domain.entities.runner import Runner
from domain.entities.task import Task
from domain.entities.task_instance import TaskInstance
from domain.entity import ARRAY, LOG, TASK, Entity
from domain.errors import UnknownLifecycle
from domain.lifecycles.lifecycle import Lifecycle
from domain.lifecycles.machine import Machine
from domain.lifecycles.ownership import owner_after, ownership_violation
from domain.rule_names import INVALID, ORPHANED_INSTANCE, RESET, UNTIMELY
from domain.rules.attempts import OrphanedInstance


def find_violations(event: Event, before: Replay) -> Iterator[Mismatch]:
    """Yield everything about `event` that is illegal, given the events replayed `before` it."""
    if event.stream in before.without_creation_event:
        return
    entity = before.entities.get(event.stream)
    if entity is None and isinstance(event, RunnerEvent):
        entity = Runner.begin(event)
    begins = isinstance(event, TaskRegistered | TaskInstanceCreated | ArrayBound | LogErasureBegun)
    if begins == (entity is not None):
        yield _wrong_beginning(event, begins=begins)
        return
    last = entity.version if entity else 0
    if event.version != last + 1:
        yield _version(event, last)
    if event.cause is not None:
        yield from _cause(event, before)
    yield from _first(event, before) if entity is None else _later(event, entity, before)


def _first(event: Event, before: Replay) -> Iterator[Mismatch]:
    if isinstance(event, TaskRegistered):
        yield from _registered(event, before)
    elif isinstance(event, TaskInstanceCreated):
        yield from _created(event, before)
    elif isinstance(event, ArrayBound):
        yield from _same(event, "batch-number", 0, event.batch_number, "last batch")


def _later(event: Event, entity: Replayed, before: Replay) -> Iterator[Mismatch]:
    yield from _same(event, "workflow", entity.workflow_id, event.workflow_id, "workflow")
    yield from _starts_from(event, entity.status)
    if isinstance(event, TaskEvent) and isinstance(entity, Task):
        yield from _task_event(event, entity)
    elif isinstance(event, TaskInstanceEvent) and isinstance(entity, TaskInstance):
        yield from _instance_event(event, entity, before.task(entity.task_id))
    elif isinstance(event, ArrayEvent) and isinstance(entity, Array):
        yield from _array_event(event, entity)


def _wrong_beginning(event: Event, *, begins: bool) -> Mismatch:
    if begins:
        return _wrong(event, "beginning", None, event.name, "begins an entity that has begun already")
    kind = event.stream.partition(":")[0]
    beginning = {TASK: TaskRegistered.name, ARRAY: ArrayBound.name, LOG: LogErasureBegun.name}.get(
        kind, TaskInstanceCreated.name
    )
    return _wrong(event, "beginning", beginning, event.name, f"is the first of its stream, and no {beginning!r}")


def _version(event: Event, last: int) -> Mismatch:
    gap = f"version {last + 1} is missing" if event.version > last else "versions go back"
    return _wrong(event, "version", last + 1, event.version, f"follows version {last}: {gap}")


def _cause(event: Event, before: Replay) -> Iterator[Mismatch]:
    stream, _, version = str(event.cause).rpartition("@")
    source = before.entities.get(stream)
    if stream in before.without_creation_event:
        return
    if source is None or not version.isdecimal() or not 1 <= int(version) <= source.version:
        yield _wrong(event, "cause", event.cause, None, f"says that {event.cause} caused it, which is not before it")


def _registered(event: TaskRegistered, before: Replay) -> Iterator[Mismatch]:
    pinned = f"{event.lifecycle} version {event.lifecycle_version}"
    try:
        lifecycle = before.lifecycle_of(event.lifecycle, event.lifecycle_version)
    except UnknownLifecycle:
        yield _wrong(event, "lifecycle", pinned, None, f"is pinned to lifecycle {pinned}, which is not with the log")
        return
    yield from _first_status(event, lifecycle.task)
    begun = lifecycle.attempts_at_start(event.status) if event.status in lifecycle.task.starts else 0
    yield from _same(event, "num-attempts", begun, event.num_attempts, "attempts")


def _created(event: TaskInstanceCreated, before: Replay) -> Iterator[Mismatch]:
    task = before.task(event.task_id)
    if task is None:
        if f"{TASK}:{event.task_id}" not in before.without_creation_event:
            yield _wrong(event, "task", event.task_id, None, f"belongs to task {event.task_id!r}, which is unknown")
        return
    machine = task.lifecycle.instance
    if machine is None:
        name = task.lifecycle.name
        yield _wrong(event, "lifecycle", None, name, f"is an instance, and lifecycle {name!r} has none")
    else:
        yield from _first_status(event, machine)
    yield from _same(event, "ordinal", task.instances + 1, event.ordinal, "ordinal")
    yield from _same(event, "workflow", task.workflow_id, event.workflow_id, "workflow")
    if event.array_id is not None and f"{ARRAY}:{event.array_id}" not in before.without_creation_event:
        yield from find_misplacements(event, before.array(event.array_id))


def find_misplacements(event: TaskInstanceCreated, array: Array | None) -> Iterator[Mismatch]:
    """Yield what is wrong with the place of a new instance in its array."""
    if array is None:
        yield _wrong(event, "array", event.array_id, None, f"is queued in array {event.array_id!r}, which is unknown")
        return
    _, batch_number, step = array.next_member()
    yield from _same(event, "batch-number", batch_number, event.batch_number, "batch")
    yield from _same(event, "step", step, event.step, "step")
    yield from _same(event, "workflow", array.workflow_id, event.workflow_id, "workflow")


def _first_status(event: Event, machine: Machine) -> Iterator[Mismatch]:
    if event.status not in machine.starts:
        yield from _same(event, "initial-status", machine.initial, event.status, "first status")


def _task_event(event: TaskEvent, task: Task) -> Iterator[Mismatch]:
    attempts: tuple[int, ...] = (task.num_attempts,)
    if isinstance(event, TaskTransitioned):
        yield from _move(event, task.lifecycle.task, task.lifecycle)
        yield from _owner(event, task)
        before = task.attempts_before(event.status)
        attempts = (before, before + 1)
    elif isinstance(event, TaskReset):
        yield from _reset(event, task)
        attempts = (0,)
    elif isinstance(event, TaskRefused):
        yield from _refusal(event, task.lifecycle.task)
        yield from _same(event, "owner", task.owner, event.owner, "owner")
        yield from _same(event, "state", task.state, event.state, "state")
    if event.num_attempts not in attempts:
        must = " or ".join(map(str, attempts))
        text = f"says that {event.num_attempts} attempts have begun, where it must be {must}"
        yield _wrong(event, "num-attempts", list(attempts), event.num_attempts, text)


def _instance_event(event: TaskInstanceEvent, instance: TaskInstance, task: Task | None) -> Iterator[Mismatch]:
    yield from _same(event, "task", instance.task_id, event.task_id, "task")
    yield from _lapse(event, instance)
    if task is None or task.lifecycle.instance is None:
        return  # reported at the event that created the instance
    if isinstance(event, TaskInstanceTransitioned):
        yield from _move(event, task.lifecycle.instance, task.lifecycle)
        yield from _orphan(event, task, task.lifecycle.instance)
    elif isinstance(event, TaskInstanceRefused):
        yield from _refusal(event, task.lifecycle.instance)


def _lapse(event: TaskInstanceEvent, instance: TaskInstance) -> Iterator[Mismatch]:
    """Check that a lapse and its return alternate."""
    if isinstance(event, TaskInstanceLapsed) and instance.silent_since is not None:
        yield _wrong(event, "lapse", None, event.name, "lapses, and has not returned from its lapse before")
    if isinstance(event, TaskInstanceReturned) and instance.silent_since is None:
        yield _wrong(event, "lapse", TaskInstanceLapsed.name, event.name, "returns, and has not lapsed")


def _array_event(event: ArrayEvent, array: Array) -> Iterator[Mismatch]:
    batch_number = array.last_batch
    if isinstance(event, ArrayBatchQueued):
        batch_number += 1
        yield from _same(event, "size", array.members, event.size, "size")
    yield from _same(event, "batch-number", batch_number, event.batch_number, "last batch")
    if not isinstance(event, ArrayConcurrencyChanged):
        limit = array.max_concurrently_running
        yield from _same(event, "concurrency", limit, event.max_concurrently_running, "max_concurrently_running")


def _starts_from(event: Event, status: str) -> Iterator[Mismatch]:
    previous = vars(event).get("previous_status")
    if previous is not None:
        yield from _same(event, "previous-status", status, previous, "previous status")
    else:
        yield from _same(event, "status", status, event.status, "status")


def _move(
    event: TaskTransitioned | TaskInstanceTransitioned, machine: Machine, lifecycle: Lifecycle
) -> Iterator[Mismatch]:
    proposed = event.status if event.reported is None else event.reported
    if proposed != event.status and event.rule not in lifecycle.rules:
        yield _wrong(
            event, "rule", list(lifecycle.rules), event.rule,
            f"was reported as {proposed} and kept as {event.status}, and no rule of the lifecycle does that",
        )  # fmt: skip
    if event.rule == RESET and _ends_by_reset(event, lifecycle):
        return
    if not machine.can_transition(event.previous_status, proposed):
        next_statuses = list(machine.transitions.get(event.previous_status, ()))
        yield _wrong(
            event, "edge", next_statuses, proposed,
            f"goes from {event.previous_status} to {proposed}, and the machine has no such edge",
        )  # fmt: skip


def _ends_by_reset(event: TaskTransitioned | TaskInstanceTransitioned, lifecycle: Lifecycle) -> bool:
    policy = lifecycle.reset
    if policy is None or not isinstance(event, TaskInstanceTransitioned):
        return False
    return event.previous_status in policy.end_instances_from and event.status == policy.end_instances_with


def _owner(event: TaskTransitioned, task: Task) -> Iterator[Mismatch]:
    machine, proposed = task.lifecycle.task, event.reported or event.status
    violation = ownership_violation(machine, event.previous_status, task.owner, proposed, event.runner_id)
    if violation:
        text = f"goes from {event.previous_status} to {proposed}, and {violation.reason}"
        yield _wrong(event, "ownership", task.owner, event.runner_id, text)
    owner = owner_after(machine, event.status, event.runner_id, task.owner)
    yield from _same(event, "owner", owner, event.owner, "owner")


def _orphan(event: TaskInstanceTransitioned, task: Task, machine: Machine) -> Iterator[Mismatch]:
    reported = event.reported or event.status
    orphaned = (
        ORPHANED_INSTANCE in task.lifecycle.rules
        and OrphanedInstance.may_apply(task.lifecycle, event.previous_status, reported)
        and OrphanedInstance.applies(task, None, reported)
    )
    if orphaned != (event.rule == ORPHANED_INSTANCE):
        expected = ORPHANED_INSTANCE if orphaned else None
        yield _wrong(
            event, "rule", expected, event.rule,
            f"is decided by {event.rule or 'no rule'}, while its task is {task.status}",
        )  # fmt: skip
    elif orphaned and machine.orphaned:
        yield from _same(event, "status", machine.orphaned, event.status, "status")


def _reset(event: TaskReset, task: Task) -> Iterator[Mismatch]:
    reset = task.lifecycle.reset
    if reset is None or task.status in reset.keep:
        yield _wrong(event, "reset", None, event.name, f"resets a task that is {task.status} and may not be reset")
    else:
        yield from _same(event, "reset", reset.to, event.status, "status after a reset")


def _refusal(event: TaskRefused | TaskInstanceRefused, machine: Machine) -> Iterator[Mismatch]:
    if event.rule in (INVALID, UNTIMELY) and machine.can_transition(event.status, event.reported):
        yield _wrong(
            event, "refusal", event.reported, event.rule,
            f"refuses to go from {event.status} to {event.reported}, and the machine has that edge",
        )  # fmt: skip


def _same(event: Event, what: str, expected: Any, found: Any, called: str) -> Iterator[Mismatch]:
    if found != expected:
        yield _wrong(event, what, expected, found, f"says {called} {found}, where {expected} must be")


def _wrong(event: Event, what: str, expected: Any, found: Any, text: str) -> Mismatch:
    kind, _, name = event.stream.partition(":")
    return Mismatch(str(Entity(kind, name)), what, expected, found, f"{event.reference} {text}")
