"""The pipeline that every proposal goes through: lifecycle gate, rules, events.

Each function takes entities as they are under the lock and answers with a Decision. Nothing here reads or writes.
"""

from dataclasses import dataclass
from datetime import datetime

from domain.errors import WrongLifecycle
from domain.events import Event
from domain.lifecycle import INVALID, ORPHANED_INSTANCE, SUPERSEDED_INSTANCE, UNTIMELY
from domain.machine import Machine
from domain.report import NOBODY, Report
from domain.rules import is_orphaned, is_superseded
from domain.task import Task
from domain.task_instance import TaskInstance
from domain.text import storable


@dataclass(frozen=True, slots=True)
class Decision:
    """What comes of a proposal: the entities after it, its events in order, and the rule that made a difference.

    `refused` says that the proposed entity stayed where it was.
    """

    task: Task
    instance: TaskInstance | None = None
    events: tuple[Event, ...] = ()
    rule: str | None = None
    refused: bool = False
    task_moved: bool = False


def report_instance(
    instance: TaskInstance,
    task: Task,
    status: str,
    report: Report = NOBODY,
    *,
    claimed: str | None = None,
    report_by_date: datetime | None = None,
) -> Decision:
    """What comes of a report that `instance` is in `status`, for it and for its task.

    `claimed` is the status that the reporter believed it to be in. The log's own decides; a claim that differs
    from it is kept.
    """
    claimed = storable(claimed) if claimed is not None and claimed != instance.status else None
    machine = instance_machine(task)
    refusal = refusal_of(machine, instance.status, status)
    if refusal:
        refused = instance.refuse(status, refusal, report, claimed=claimed)
        return Decision(task, instance.evolve(refused), (refused,), refusal, refused=True)
    orphaned = is_orphaned(task, status)
    moved = instance.transition(
        machine.orphaned if orphaned and machine.orphaned else status,
        report,
        reported=status,
        rule=ORPHANED_INSTANCE if orphaned else None,
        claimed=claimed,
        report_by_date=report_by_date,
    )
    instance = instance.evolve(moved)
    if orphaned:
        return Decision(task, instance, (moved,), ORPHANED_INSTANCE)
    followed, consequences = follow(task, instance, moved, report)
    return Decision(followed, instance, (moved, *consequences), task_moved=followed.status != task.status)


def create_instance(task: Task, task_instance_id: str, report: Report = NOBODY) -> Decision:
    """What comes of a further instance of `task`: the instance, and the status that this implies for the task."""
    machine = instance_machine(task)
    instance = TaskInstance(task_instance_id, task.id, task.workflow_id, task.instances + 1)
    created = instance.create(machine.initial, report)
    instance = TaskInstance.begin(created)
    task = task.with_instance(instance.ordinal)
    followed, consequences = follow(task, instance, created, report)
    return Decision(followed, instance, (created, *consequences), task_moved=followed.status != task.status)


def propose_task(task: Task, status: str, report: Report = NOBODY, *, counts_attempt: bool = False) -> Decision:
    """What comes of a proposal that `task` go to `status`, where `counts_attempt` begins a further attempt."""
    refusal = refusal_of(task.lifecycle.task, task.status, status)
    if refusal:
        refused = task.refuse(status, refusal, report)
        return Decision(task.evolve(refused), None, (refused,), refusal, refused=True)
    moved = task.transition(status, report, attempts=int(counts_attempt))
    return Decision(task.evolve(moved), None, (moved,), task_moved=True)


def reset_task(task: Task, report: Report = NOBODY, *, reset_if_running: bool = False) -> Decision:
    """What resuming its workflow makes of `task`; no event where it may stay as it is."""
    reset = task.lifecycle.reset
    assert reset is not None
    kept = reset.keep if reset_if_running else reset.keep | reset.keep_unless_asked
    if task.status in kept:
        return Decision(task, refused=True)
    if task.status == reset.to and task.num_attempts == 0:
        return Decision(task)
    event = task.reset(reset.to, report)
    return Decision(task.evolve(event), None, (event,), task_moved=True)


def follow(task: Task, instance: TaskInstance, cause: Event, report: Report) -> tuple[Task, tuple[Event, ...]]:
    """The task after what its instance's new status implies for it, and the events of that."""
    implied = task.lifecycle.task_status_for(instance.status, task.num_attempts, task.max_attempts)
    if implied is None or implied == task.status:
        return task, ()
    told = Report(actor=report.actor, occurred_at=report.occurred_at, command_id=report.command_id)
    way = task.lifecycle.way(task.status, implied, instance.status)
    superseded = is_superseded(task, instance)
    if superseded or not way:
        refused = task.refuse(implied, SUPERSEDED_INSTANCE if superseded else INVALID, told, cause)
        return task.evolve(refused), (refused,)
    events = []
    for status in way:
        attempts = int(task.lifecycle.counts_attempt(status))
        events.append(task.transition(status, told, attempts=attempts, cause=cause))
        task = task.evolve(events[-1])
    return task, tuple(events)


def refusal_of(machine: Machine, source: str, target: str) -> str | None:
    """The rule by which the machine refuses to go from `source` to `target`, or None where it does not."""
    if machine.can_transition(source, target):
        return None
    return UNTIMELY if machine.is_untimely(source, target) else INVALID


def instance_machine(task: Task) -> Machine:
    """The machine of the task's instances; raises WrongLifecycle where its lifecycle has none."""
    if task.lifecycle.instance is None:
        raise WrongLifecycle(task.lifecycle.name, "has no task instances: report the task's own transitions")
    return task.lifecycle.instance
