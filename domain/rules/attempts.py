"""Jobmon's rules about the attempts at a task.

They read the parameters `task` and `instance`, as both are under the lock.
"""

from domain.entities.task import Task
from domain.entities.task_instance import TaskInstance
from domain.errors import MAX_ATTEMPTS
from domain.lifecycles.lifecycle import Lifecycle
from domain.rule_names import ORPHANED_INSTANCE, RETRY, SUPERSEDED_INSTANCE
from domain.rules.engine import State, TransitionContext
from domain.rules.lifecycle_rule import EVERY_STATUS, LifecycleRule, ProposalKind


class OrphanedInstance(LifecycleRule):
    """The task has ended without this instance, so a failure that it reports ends only the instance: an orphan."""

    name = ORPHANED_INSTANCE
    kind = ProposalKind.INSTANCE_REPORT
    FROM_STATES = TO_STATES = EVERY_STATUS

    @classmethod
    def may_apply(cls, lifecycle: Lifecycle, source: str | None, target: str) -> bool:
        """Return whether the report is a failure."""
        return lifecycle.instance is not None and target in lifecycle.instance.failures

    @classmethod
    def applies(cls, task: Task, instance: TaskInstance | None, target: str) -> bool:
        """Return whether the task has ended."""
        return task.is_terminal

    def before_transition(
        self, initial_state: State | None, proposed_state: State | None, context: TransitionContext
    ) -> None:
        """Replace the failure by the status of orphans."""
        task: Task = context.parameters["task"]
        assert task.lifecycle.instance
        assert proposed_state
        end = task.lifecycle.instance.orphaned or proposed_state.type
        self.reject(State(type=end), f"its task has ended without it, and is {task.status}")


class SupersededInstance(LifecycleRule):
    """A newer instance exists, so a failure of this one no longer moves the task. Its success still does."""

    name = SUPERSEDED_INSTANCE
    kind = ProposalKind.TASK_EFFECT
    FROM_STATES = TO_STATES = EVERY_STATUS

    @classmethod
    def may_apply(cls, lifecycle: Lifecycle, source: str | None, target: str) -> bool:
        """Return whether a failure can imply `target`."""
        failures = lifecycle.instance.failures if lifecycle.instance else ()
        effects = (lifecycle.implies[status] for status in failures if status in lifecycle.implies)
        return any(target in (effect.status, effect.exhausted) for effect in effects)

    @classmethod
    def applies(cls, task: Task, instance: TaskInstance | None, target: str) -> bool:
        """Return whether an instance failed that is not the newest."""
        machine = task.lifecycle.instance
        if machine is None or instance is None:
            return False
        return instance.ordinal < task.instances and instance.status in machine.failures

    def before_transition(
        self, initial_state: State | None, proposed_state: State | None, context: TransitionContext
    ) -> None:
        """Leave the task to the newest instance."""
        task: Task = context.parameters["task"]
        instance: TaskInstance = context.parameters["instance"]
        self.abort(f"instance {instance.ordinal} has failed, and {task.instances} have been created")


class Retry(LifecycleRule):
    """A failure would end the task, but while attempts are left, the task is tried again instead."""

    name = RETRY
    kind = ProposalKind.TASK_EFFECT
    FROM_STATES = TO_STATES = EVERY_STATUS

    @classmethod
    def may_apply(cls, lifecycle: Lifecycle, source: str | None, target: str) -> bool:
        """Return whether `target` is implied once no attempt is left."""
        return target in {effect.exhausted for effect in lifecycle.implies.values()}

    @classmethod
    def applies(cls, task: Task, instance: TaskInstance | None, target: str) -> bool:
        """Return whether attempts are left."""
        return instance is not None and task.status_implied_by(instance.status) != target

    def before_transition(
        self, initial_state: State | None, proposed_state: State | None, context: TransitionContext
    ) -> None:
        """Replace the task's end by the status from which it is tried again."""
        task: Task = context.parameters["task"]
        again = task.status_implied_by(context.parameters["instance"].status)
        assert again
        limit = "" if task.max_attempts == MAX_ATTEMPTS else f" of {task.max_attempts}"
        self.reject(State(type=again), f"attempt {task.num_attempts}{limit} has failed")
