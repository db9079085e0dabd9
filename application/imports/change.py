"""The changes that a line of a file reports, whatever its format. The importer sees nothing else of a file.

Times are instants in UTC. `actor` and `reason` are what the source states, or None; so is `waits_for`, what an entity
waits for in the status that it enters. `entered_at` is stated where a move
is of another time than the entry of the status that the entity was in afterwards.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple, Self

from domain.actor import Actor
from domain.errors import SojournError
from domain.lifecycles.lifecycle import Lifecycle
from domain.lifecycles.machine import Machine
from domain.rule_outcome import RuleOutcome
from domain.state import State
from domain.waits_for import WaitsFor

LONGEST_ERROR = 500
"""The length of the longest sentence about a line; an answer lists a thousand."""


def _first_status(status: str | None, machine: Machine, *, or_initial: bool) -> str | None:
    is_initial = status == machine.initial or (or_initial and status not in machine.starts)
    return None if is_initial else status


class AttemptKey(NamedTuple):
    """An attempt of a source that has no ids for attempts: its task, and the time at which it began.

    The log calls it `TASK/N`.
    """

    task_id: str
    begun_at: datetime


class RegisterTask(NamedTuple):
    """A new task. `lifecycle` is the one that the line names, None if it is the import's.

    It is a part of the task `parent`, and waits for those of `upstream`. It begins in `status`, if that is stated; with
    `or_initial`, only where its lifecycle lets it.
    """

    task_id: str
    workflow_id: str
    at: datetime
    max_attempts: int
    template: str | None = None
    actor: Actor | None = None
    reason: str | None = None
    lifecycle: Lifecycle | None = None
    array_id: str | None = None
    attributes: Mapping[str, Any] | None = None
    parent: str | None = None
    upstream: tuple[str, ...] = ()
    status: str | None = None
    waits_for: WaitsFor | None = None
    or_initial: bool = False

    def first_status(self, machine: Machine) -> str | None:
        """Return the status in which it begins, or None for the initial one of its machine."""
        return _first_status(self.status, machine, or_initial=self.or_initial)


class RegisterRenamable(RegisterTask):
    """A new task that its source may rename later; it keeps its first template."""

    __slots__ = ()


class AddUpstream(NamedTuple):
    """Further tasks that a task waits for before its first attempt. `workflow_id`, if stated, must be the task's."""

    task_id: str
    upstream: tuple[str, ...]
    at: datetime
    actor: Actor | None = None
    reason: str | None = None
    workflow_id: str | None = None


class CreateInstance(NamedTuple):
    """A new attempt at a task. `workflow_id`, if stated, must be the task's.

    `earlier_attempts` is the number of attempts before it that the source states. It begins in `status`, if that is
    stated; with `or_initial`, only where its lifecycle lets it.
    """

    instance: str | AttemptKey
    task_id: str
    at: datetime
    actor: Actor | None = None
    reason: str | None = None
    workflow_id: str | None = None
    earlier_attempts: int = 0
    status: str | None = None
    waits_for: WaitsFor | None = None
    or_initial: bool = False

    def first_status(self, machine: Machine) -> str | None:
        """Return the status in which it begins, or None for the initial one of its machine."""
        return _first_status(self.status, machine, or_initial=self.or_initial)


class MoveTask(NamedTuple):
    """A task's transition to a status, from `previous_status` according to the source.

    `workflow_id`, if stated, must be the task's. `begins_attempt` overrides what the lifecycle says about counting an
    attempt. `runner_id` is the runner that proposed the move, and `state` what is known of the status beyond its name.
    """

    task_id: str
    to: str
    at: datetime
    actor: Actor | None = None
    reason: str | None = None
    workflow_id: str | None = None
    previous_status: str | None = None
    begins_attempt: bool | None = None
    runner_id: str | None = None
    state: State | None = None
    entered_at: datetime | None = None
    waits_for: WaitsFor | None = None


class ResetTask(NamedTuple):
    """A task's reset by a resumed workflow, from `previous_status` according to the source.

    It also ends the task's active instances, unless the source reports the end of each (`ends_instances`).
    """

    task_id: str
    at: datetime
    actor: Actor | None = None
    reason: str | None = None
    workflow_id: str | None = None
    previous_status: str | None = None
    ends_instances: bool = True
    entered_at: datetime | None = None
    waits_for: WaitsFor | None = None


class RecordRefusal(NamedTuple):
    """A proposal of the status `to` for a task that a rule refused or delayed, which is recorded and not decided again.

    `outcome` is the answer of the rule, with what the task waits for because of it.
    """

    task_id: str
    to: str
    at: datetime
    outcome: RuleOutcome
    actor: Actor | None = None
    reason: str | None = None
    workflow_id: str | None = None
    runner_id: str | None = None
    entered_at: datetime | None = None


class MoveInstance(NamedTuple):
    """A task instance's transition to a status. Its next report is expected by `report_by_date`."""

    instance: str | AttemptKey
    to: str
    at: datetime
    actor: Actor | None = None
    reason: str | None = None
    workflow_id: str | None = None
    report_by_date: datetime | None = None
    entered_at: datetime | None = None
    waits_for: WaitsFor | None = None


class MoveIfPossible(MoveInstance):
    """A task instance's transition that adds nothing where it is not possible.

    The instance may have gone on since, because an earlier file did not state this transition; or its time is still to
    come, because the source states what it plans.
    """

    __slots__ = ()


class SplitArray(NamedTuple):
    """The record of a part of a job array, which ends the pending rests that it was a part of.

    `task_id` ends with the part's id, like `17_4`.
    """

    task_id: str
    at: datetime
    actor: Actor | None = None
    reason: str | None = None
    workflow_id: str | None = None


MOVES = (MoveTask, MoveInstance, ResetTask, RecordRefusal)
"""The changes that are reported at an instant, so that each has an id made of what it states."""

Move = MoveTask | MoveInstance | ResetTask | RecordRefusal
Change = RegisterTask | AddUpstream | CreateInstance | SplitArray | Move


def stated_wait(change: Change) -> WaitsFor | None:
    """Return what the entity waits for in the status that it enters, if the source states it."""
    return None if isinstance(change, SplitArray | AddUpstream | RecordRefusal) else change.waits_for


class ParsedLine(NamedTuple):
    """A line that was understood, and its changes: all of them are stored, or none.

    A line without changes reports nothing that the log keeps. `anomalies` names what is odd about it. `size` is its
    length in bytes, where its changes may take as much memory.
    """

    number: int
    changes: tuple[Change, ...] = ()
    anomalies: tuple[str, ...] = ()
    size: int = 0


class BadLine(NamedTuple):
    """A line that was not understood, and why."""

    number: int
    error: str

    @classmethod
    def of(cls, number: int, sentence: str) -> Self:
        """Return a line with its error, cut if that quotes much of the line."""
        return cls(number, sentence if len(sentence) <= LONGEST_ERROR else f"{sentence[: LONGEST_ERROR - 3]}...")


class InvalidLine(SojournError):
    """Raised when a line does not say what its format allows; an import reports it as a bad line.

    Fix: correct the line.
    """

    def __init__(self, sentence: str, waits_for: str | None = None) -> None:
        self.waits_for = waits_for
        """The stream of the entity that a later line may create, so that this one can be decided then."""
        super().__init__(sentence)
