"""The proposals that `decide` judges: plain values that state what is wanted, and not whether it is allowed."""

from datetime import datetime
from typing import NamedTuple

from domain.decisions.recovery_plan import RecoveryPlan
from domain.entities.task_instance import NOT_IN_ARRAY, ArrayMember
from domain.state import State


class Registration(NamedTuple):
    """Make a task known, in `status` or in the first one of its lifecycle. It waits for the tasks of `upstream`."""

    upstream: tuple[str, ...] = ()
    status: str | None = None


class UpstreamAddition(NamedTuple):
    """Let a task wait for further tasks, before its first attempt."""

    upstream: tuple[str, ...]


class InstanceCreation(NamedTuple):
    """Create a further instance of the task, as a member of an array where it is queued in one.

    It begins in `status`, or without one in the initial status of its machine.
    """

    task_instance_id: str
    member: ArrayMember = NOT_IN_ARRAY
    status: str | None = None


class InstanceReport(NamedTuple):
    """A task instance reports that it is in `status`.

    `expected_status` is the status that the reporter believed it to be in: the log decides, and keeps an expectation
    that differs. The next report is due by `report_by_date`.
    """

    status: str
    expected_status: str | None = None
    report_by_date: datetime | None = None


class TaskRequest(NamedTuple):
    """Move the task itself to a status, in the name of `runner_id` where its lifecycle has owners.

    `starts_attempt` counts an attempt in addition to those that the lifecycle counts.
    """

    status: str | State
    starts_attempt: bool = False
    runner_id: str | None = None

    @property
    def target(self) -> str:
        """The requested status."""
        return self.status.type if isinstance(self.status, State) else self.status


class GateRequest(NamedTuple):
    """Let the task through the gate of its lifecycle, which starts an attempt; `status` replaces the gate's own."""

    status: str | None = None


class ResetRequest(NamedTuple):
    """Send the task back to its beginning, because its workflow resumes."""

    reset_if_running: bool = False


Proposal = (
    Registration
    | UpstreamAddition
    | InstanceCreation
    | InstanceReport
    | TaskRequest
    | GateRequest
    | ResetRequest
    | RecoveryPlan
)
"""Everything that can be proposed for a task or an instance of it."""
