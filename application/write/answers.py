"""What the service answers, as the contract shapes it."""

from datetime import datetime
from typing import Literal, NotRequired, TypedDict

from domain.rule_names import ResponseName, RuleName

NotDecided = Literal["not_found", "max_retries_exceeded"]
"""Why nothing was decided: the log does not know the entity, or others held it during every attempt."""

InstanceRefusal = Literal["untimely_transition", "invalid_ti_transition"]
"""Why an instance's report was refused."""


class TaskInstanceAnswer(TypedDict):
    """What came of a task instance's report, for it and for its task."""

    ti_updated: bool
    task_transitioned: bool
    task_status: str | None
    error: InstanceRefusal | NotDecided | None
    orphaned: bool


class TaskAnswer(TypedDict):
    """What came of a proposal for a task."""

    status: str | None
    response: ResponseName
    delay_seconds: float | None
    rule: RuleName | None
    reason: str | None
    owner: str | None
    error: NotDecided | None


class BulkAnswer(TypedDict):
    """What came of a proposal for many entities: each id is in one of the four lists, in the order of the call."""

    transitioned: list[str]
    invalid: list[str]
    locked: list[str]
    not_found: list[str]


class GateAnswer(TypedDict):
    """What came of gating tasks for queueing: each id is in one of the four lists."""

    gated: list[str]
    invalid: list[str]
    locked: list[str]
    not_found: list[str]


class ResetAnswer(TypedDict):
    """What came of resetting tasks: each id is in one of the first four lists; `killed` has task instances."""

    reset: list[str]
    kept: list[str]
    locked: list[str]
    not_found: list[str]
    killed: list[str]


class RegisterAnswer(TypedDict):
    """How many tasks were registered, and how many were there already with the same content."""

    registered: int
    existing: int


class BindAnswer(TypedDict):
    """The array of a workflow and a task template version."""

    array_id: str


class QueueBatchAnswer(TypedDict):
    """Every task of the call by the status that it has after it, and the batch that was queued, if any was."""

    tasks_by_status: dict[str, list[str]]
    batch_number: int | None


class EmptyAnswer(TypedDict):
    """Nothing is to be said."""


class SubmittedAnswer(TypedDict):
    """That the ids were kept; `unknown` and `of_other_arrays` name those of which nothing was, where there are any."""

    success: bool
    unknown: NotRequired[list[str]]
    of_other_arrays: NotRequired[list[str]]


class ConcurrencyAnswer(TypedDict):
    """How many instances of an array may run at once."""

    max_concurrently_running: int


class BatchMember(TypedDict):
    """One instance of a batch."""

    task_instance_id: str
    task_id: str
    step: int
    status: str


class CreateAnswer(TypedDict):
    """How many task instances were created, and how many were there already for the same task."""

    created: int
    existing: int


class HeartbeatAnswer(TypedDict):
    """Until when a runner's heartbeat holds, and since when it had been silent, where it had."""

    report_by: datetime
    silent_since: datetime | None


class HeartbeatsAnswer(TypedDict):
    """What came of the heartbeats of many task instances: each id is in one of the lists, in the order of the call.

    `returned` are those of `heard` that had been silent.
    """

    heard: list[str]
    returned: list[str]
    ended: list[str]
    locked: list[str]
    not_found: list[str]
