"""What a line of a file proposes, whatever its format: the importer sees nothing else of it.

Times are instants in UTC. `reason` and `actor` are the source's; None where it does not say.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from domain.actor import Actor
from domain.errors import SojournError
from domain.lifecycles.lifecycle import Lifecycle
from domain.state import State


class AttemptKey(NamedTuple):
    """A task instance of a source that has no ids for its attempts: the attempt at a task that began at a time.

    The log calls it `TASK/N`.
    """

    task_id: str
    begun_at: datetime


class RegisterTask(NamedTuple):
    """A task came to be known, under the lifecycle that it names, where that is another than the import's."""

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


class CreateInstance(NamedTuple):
    """An attempt at a task came to be. `workflow_id` must be its task's, where it is told."""

    instance: str | AttemptKey
    task_id: str
    at: datetime
    actor: Actor | None = None
    reason: str | None = None
    workflow_id: str | None = None


class MoveTask(NamedTuple):
    """A task went to a status, from `previous_status` as the source has it.

    `workflow_id` must be its own, where it is told. `begins_attempt` says whether it counts one, where that is not what
    its lifecycle says; `runner_id` in whose name it was proposed; `state` what is known of the status beside its name.
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


class ResetTask(NamedTuple):
    """A task was sent back to its beginning by a resumed workflow, and its active instances told to end."""

    task_id: str
    at: datetime
    actor: Actor | None = None
    reason: str | None = None
    workflow_id: str | None = None


class MoveInstance(NamedTuple):
    """A task instance went to a status, and must be heard of again by `report_by_date`."""

    instance: str | AttemptKey
    to: str
    at: datetime
    actor: Actor | None = None
    reason: str | None = None
    workflow_id: str | None = None
    report_by_date: datetime | None = None


MOVES = (MoveTask, MoveInstance, ResetTask)
Move = MoveTask | MoveInstance | ResetTask
Change = RegisterTask | CreateInstance | Move


class ParsedLine(NamedTuple):
    """An understood line and what it proposes, all or nothing of which is stored.

    A line without proposals says nothing that the log keeps. `anomalies` names what is odd about it.
    """

    number: int
    proposals: tuple[Change, ...] = ()
    anomalies: tuple[str, ...] = ()


class BadLine(NamedTuple):
    """A line that was not understood, and why."""

    number: int
    error: str


class InvalidLine(SojournError):
    """Raised when a line does not say what its format allows; an import reports it as a bad line.

    Fix: correct the line.
    """
