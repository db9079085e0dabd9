"""The rules that decide beside the state machine, by their names in the log."""

from domain.lifecycle import ORPHANED_INSTANCE, SUPERSEDED_INSTANCE
from domain.task import Task
from domain.task_instance import TaskInstance


def is_orphaned(task: Task, reported: str) -> bool:
    """Whether a failure is reported by an instance whose task has ended already (Jobmon's orphan handling)."""
    machine = task.lifecycle.instance
    return (
        ORPHANED_INSTANCE in task.lifecycle.rules
        and task.is_terminal
        and machine is not None
        and reported in machine.failures
    )


def is_superseded(task: Task, instance: TaskInstance) -> bool:
    """Whether `instance` has failed while a newer instance of its task exists."""
    machine = task.lifecycle.instance
    return (
        SUPERSEDED_INSTANCE in task.lifecycle.rules
        and instance.ordinal < task.instances
        and machine is not None
        and instance.status in machine.failures
    )
