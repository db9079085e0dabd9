"""What a decision is made about, and what it is."""

from typing import NamedTuple

from domain.entities.events import Event
from domain.entities.task import Task
from domain.entities.task_instance import TaskInstance
from domain.rule_outcome import ACCEPTED, Response, RuleOutcome


class Family(NamedTuple):
    """A task and, where a proposal concerns one, an instance of it."""

    instance: TaskInstance | None
    task: Task


class Decision(NamedTuple):
    """The events that follow from a proposal, in order, and the entities after them.

    `outcome` names the rule that changed or refused the proposal. `refused` means that the entity that the proposal is
    about stays where it is, `task_moved` that the task enters another status.
    """

    task: Task
    instance: TaskInstance | None = None
    events: tuple[Event, ...] = ()
    outcome: RuleOutcome = ACCEPTED
    refused: bool = False
    task_moved: bool = False

    @property
    def family(self) -> Family:
        """The entities after the decision."""
        return Family(self.instance, self.task)

    @property
    def rule(self) -> str | None:
        """The rule that changed or refused the proposal."""
        return self.outcome.rule

    @property
    def response(self) -> Response:
        """The answer to the proposal."""
        return self.outcome.response or (Response.ABORT if self.refused else Response.ACCEPT)
