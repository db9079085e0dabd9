"""Decisions about a reset: a workflow resumes, its tasks begin again, and their active instances must end."""

from domain.decisions.decision import Decision
from domain.decisions.proposals import ResetRequest
from domain.entities.events import Event
from domain.entities.task import Task
from domain.entities.task_instance import TaskInstance
from domain.report_context import ReportContext
from domain.rule_names import RESET


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
    """Return the event by which a reset ends an active instance, or orders it to end.

    An instance without a worker ends at once, without an edge of its machine; another one is ordered to end where its
    machine has an edge for that.
    """
    policy, machine = reset.task.lifecycle.reset, reset.task.lifecycle.instance
    if policy is None or machine is None:
        return ()
    cause, context = reset.events[0] if reset.events else None, context.without_wait()
    if policy.end_instances_with and instance.status in policy.end_instances_from:
        return (instance.transition(policy.end_instances_with, context, rule=RESET, cause=cause),)
    order = policy.kill_instances_with
    if not order or not machine.can_transition(instance.status, order):
        return ()
    return (instance.transition(order, context, reported=order, cause=cause),)
