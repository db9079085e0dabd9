"""What the rules that lifecycles name have in common."""

from collections.abc import Container
from enum import Enum, auto
from typing import ClassVar

from domain.entities.task import Task
from domain.entities.task_instance import TaskInstance
from domain.lifecycles.lifecycle import Lifecycle
from domain.rules.engine import Rule, Transform


class ProposalKind(Enum):
    """Where a proposal comes from, which is what a rule is for."""

    INSTANCE_REPORT = auto()
    """A task instance reports its status."""

    TASK_EFFECT = auto()
    """An instance's status implies one for its task."""

    TASK_REQUEST = auto()
    """A status is proposed for a task itself."""


class _Every(Container[str | None]):
    def __contains__(self, status: object) -> bool:
        return True


EVERY_STATUS = _Every()
"""FROM_STATES or TO_STATES of a rule that serves any lifecycle: `may_apply` says more."""


class LifecycleRule(Rule):
    """A rule by the name that lifecycles give it, for one kind of proposal."""

    kind: ClassVar[ProposalKind]

    reads_state: ClassVar[bool] = False
    """Whether it decides on more of a task's state than its status: a time, a name, details."""

    transform: ClassVar[type[Transform] | None] = None
    """The bookkeeping that goes with the rule, on every transition."""

    @classmethod
    def may_apply(cls, lifecycle: Lifecycle, source: str | None, target: str) -> bool:
        """Whether it could have a say, under that lifecycle, when `target` is proposed for what is in `source`."""
        return source in cls.FROM_STATES and target in cls.TO_STATES

    @classmethod
    def applies(cls, task: Task, instance: TaskInstance | None, target: str) -> bool:
        """Whether it is to be asked when `target` is proposed for them as they are."""
        return True
