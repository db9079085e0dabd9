"""The base class of the rules that lifecycles name, and the kinds of proposals that a rule can judge."""

from collections.abc import Container
from enum import Enum, auto
from typing import ClassVar

from domain.entities.task import Task
from domain.entities.task_instance import TaskInstance
from domain.lifecycles.lifecycle import Lifecycle
from domain.rules.engine import Rule, Transform


class ProposalKind(Enum):
    """The kind of proposal that a rule judges."""

    INSTANCE_REPORT = auto()
    """A task instance reports its status."""

    TASK_EFFECT = auto()
    """An instance's new status has an effect on its task."""

    TASK_REQUEST = auto()
    """A status is requested for a task itself."""


class _AnyStatus(Container[str | None]):
    def __contains__(self, status: object) -> bool:
        return True


EVERY_STATUS = _AnyStatus()
"""The FROM_STATES or TO_STATES of a rule for any lifecycle, which restricts itself by `may_apply`."""


class LifecycleRule(Rule):
    """A rule that lifecycles name, for one kind of proposal."""

    kind: ClassVar[ProposalKind]

    reads_state: ClassVar[bool] = False
    """Whether it reads more of a task's state than its status: a time, a name, details."""

    reads_clock: ClassVar[bool] = False
    """Whether it reads the time of a proposal, which is the database's where the proposal states none."""

    transform: ClassVar[type[Transform] | None] = None
    """The bookkeeping that accompanies the rule, on every transition."""

    @classmethod
    def may_apply(cls, lifecycle: Lifecycle, source: str | None, target: str) -> bool:
        """Return whether the rule can apply to the move from `source` to `target` under `lifecycle`."""
        return source in cls.FROM_STATES and target in cls.TO_STATES

    @classmethod
    def applies(cls, task: Task, instance: TaskInstance | None, target: str) -> bool:
        """Return whether the rule applies to a move of `task` or `instance` to `target` now."""
        return True
