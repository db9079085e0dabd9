"""Decisions about a reset: a workflow resumes, its tasks begin again, and their active instances must end."""

from domain.decisions.decision import Decision
from domain.decisions.proposals import ResetRequest
from domain.entities.events import Event
from domain.entities.task import Task
from domain.entities.task_instance import TaskInstance
from domain.report_context import ReportContext


def decide_reset(task: Task, request: ResetRequest, context: ReportContext) -> Decision:
    """Return the decision to send `task` back to its beginning.

    It is refused, without events, where the lifecycle resets nothing or keeps the task's status. It has no events
    where the task is at its beginning already.
    """
    policy = task.lifecycle.reset
    if policy is None:
        return Decision(task, refused=True)
    kept = policy.keep if request.reset_if_running else policy.keep | policy.keep_unless_asked
    if task.status in kept:
        return Decision(task, refused=True)
    if task.status == policy.to and task.num_attempts == 0:
        return Decision(task)
    event = task.reset(policy.to, context)
    return Decision(task.evolve(event), None, (event,), task_moved=True)


def end_instance(instance: TaskInstance, reset: Decision, context: ReportContext) -> tuple[Event, ...]:
    """Return the event by which a reset makes an active instance end, where its machine has an edge for that."""
    lifecycle = reset.task.lifecycle
    order = lifecycle.reset.kill_instances_with if lifecycle.reset else None
    if not order or not lifecycle.instance or not lifecycle.instance.can_transition(instance.status, order):
        return ()
    cause = reset.events[0] if reset.events else None
    return (instance.transition(order, context, reported=order, cause=cause),)
