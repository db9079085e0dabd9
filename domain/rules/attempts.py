"""Jobmon's rules about the attempts at a task.

They are told the `task` and the `instance` as they are under the lock.
"""

from domain.entities.task import Task
from domain.entities.task_instance import TaskInstance
from domain.lifecycles.lifecycle import Lifecycle
from domain.rule_names import ORPHANED_INSTANCE, RETRY, SUPERSEDED_INSTANCE
from domain.rules.engine import State, TransitionContext
from domain.rules.lifecycle_rule import EVERY_STATUS, LifecycleRule, ProposalKind


class OrphanedInstance(LifecycleRule):
    """The task has ended without this instance: a failure that it reports only ends the instance."""

    name = ORPHANED_INSTANCE
    kind = ProposalKind.INSTANCE_REPORT
    FROM_STATES = TO_STATES = EVERY_STATUS

    @classmethod
    def may_apply(cls, lifecycle: Lifecycle, source: str | None, target: str) -> bool:
        """Failures."""
        return lifecycle.instance is not None and target in lifecycle.instance.failures

    @classmethod
    def applies(cls, task: Task, instance: TaskInstance | None, target: str) -> bool:
        """Where the task has ended."""
        return task.is_terminal

    def before_transition(
        self, initial_state: State | None, proposed_state: State | None, context: TransitionContext
    ) -> None:
        """Put the status of orphans in the place of the failure."""
        task: Task = context.parameters["task"]
        assert task.lifecycle.instance
        assert proposed_state
        end = task.lifecycle.instance.orphaned or proposed_state.type
        self.reject(State(type=end), f"its task has ended without it, and is {task.status}")


class SupersededInstance(LifecycleRule):
    """A newer instance has taken over: this one's failure no longer moves the task. Its success does."""

    name = SUPERSEDED_INSTANCE
    kind = ProposalKind.TASK_EFFECT
    FROM_STATES = TO_STATES = EVERY_STATUS

    @classmethod
    def may_apply(cls, lifecycle: Lifecycle, source: str | None, target: str) -> bool:
        """What a failure implies."""
        failures = lifecycle.instance.failures if lifecycle.instance else ()
        implications = (lifecycle.implies[status] for status in failures if status in lifecycle.implies)
        return any(target in (implied.status, implied.exhausted) for implied in implications)

    @classmethod
    def applies(cls, task: Task, instance: TaskInstance | None, target: str) -> bool:
        """The failure of an instance that is not the newest."""
        machine = task.lifecycle.instance
        if machine is None or instance is None:
            return False
        return instance.ordinal < task.instances and instance.status in machine.failures

    def before_transition(
        self, initial_state: State | None, proposed_state: State | None, context: TransitionContext
    ) -> None:
        """Leave the task to the newest."""
        task: Task = context.parameters["task"]
        instance: TaskInstance = context.parameters["instance"]
        self.abort(f"instance {instance.ordinal} has failed, and {task.instances} have been created")


class Retry(LifecycleRule):
    """A failure proposes that the task end; while attempts are left, it is to be tried again instead."""

    name = RETRY
    kind = ProposalKind.TASK_EFFECT
    FROM_STATES = TO_STATES = EVERY_STATUS

    @classmethod
    def may_apply(cls, lifecycle: Lifecycle, source: str | None, target: str) -> bool:
        """What is implied once no attempt is left."""
        return target in {implied.exhausted for implied in lifecycle.implies.values()}

    @classmethod
    def applies(cls, task: Task, instance: TaskInstance | None, target: str) -> bool:
        """While attempts are left."""
        return instance is not None and task.status_implied_by(instance.status) != target

    def before_transition(
        self, initial_state: State | None, proposed_state: State | None, context: TransitionContext
    ) -> None:
        """Put the status from which a task is tried again in the place of its end."""
        task: Task = context.parameters["task"]
        again = task.status_implied_by(context.parameters["instance"].status)
        assert again
        self.reject(State(type=again), f"attempt {task.num_attempts} of {task.max_attempts} has failed")
