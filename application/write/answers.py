"""The answers of the methods that write."""

from datetime import datetime
from typing import Literal, NotRequired, TypedDict

from domain.rule_names import ResponseName, RuleName

NotDecided = Literal["not_found", "max_retries_exceeded"]
"""Why nothing was decided: the log does not know the entity, or others held it during every attempt."""

InstanceRefusal = Literal["stale_report", "untimely_transition", "invalid_ti_transition"]
"""Why an instance's report was refused."""


class TaskInstanceAnswer(TypedDict):
    """The effect of a report on a task instance and its task."""

    ti_updated: bool
    task_transitioned: bool
    task_status: str | None
    error: InstanceRefusal | NotDecided | None
    orphaned: bool


class TaskAnswer(TypedDict):
    """The effect of a proposal for a task."""

    status: str | None
    response: ResponseName
    delay_seconds: float | None
    rule: RuleName | None
    reason: str | None
    owner: str | None
    error: NotDecided | None


class BulkAnswer(TypedDict):
    """The effect of a call on many entities: each id is in one of the four lists, in the order of the call."""

    transitioned: list[str]
    invalid: list[str]
    locked: list[str]
    not_found: list[str]


class GateAnswer(TypedDict):
    """The effect of gating tasks for queueing: each id is in one of the four lists."""

    gated: list[str]
    invalid: list[str]
    locked: list[str]
    not_found: list[str]


class ResetAnswer(TypedDict):
    """The effect of resetting tasks: each id is in one of the first four lists; `killed` lists task instances."""

    reset: list[str]
    kept: list[str]
    locked: list[str]
    not_found: list[str]
    killed: list[str]


class RegisterAnswer(TypedDict):
    """The number of tasks that were registered, and of those that existed already with the same content."""

    registered: int
    existing: int


class UpstreamAnswer(TypedDict):
    """The number of links to upstream tasks that were added, and of those that existed already."""

    added: int
    existing: int


class BindAnswer(TypedDict):
    """The array of a workflow and a task template version."""

    array_id: str


class QueueBatchAnswer(TypedDict):
    """Every task of the call by its status after the call, and the number of the queued batch, if there is one."""

    tasks_by_status: dict[str, list[str]]
    batch_number: int | None


class EmptyAnswer(TypedDict):
    """The empty answer of a call that succeeded or raised an error."""


class SubmittedAnswer(TypedDict):
    """The ids were recorded, except for those of `unknown` instances and of instances `of_other_arrays`."""

    success: bool
    unknown: NotRequired[list[str]]
    of_other_arrays: NotRequired[list[str]]


class ConcurrencyAnswer(TypedDict):
    """The number of instances of an array that may run at once."""

    max_concurrently_running: int


class BatchMember(TypedDict):
    """One instance of a batch."""

    task_instance_id: str
    task_id: str
    step: int
    status: str


class CreateAnswer(TypedDict):
    """The number of task instances that were created, and of those that existed already for the same task."""

    created: int
    existing: int


class HeartbeatAnswer(TypedDict):
    """The end of a runner's renewed lease, and the start of its silence, if it had been silent."""

    report_by: datetime
    silent_since: datetime | None


class HeartbeatsAnswer(TypedDict):
    """The effect of heartbeats on many task instances: each id is in one of the lists, in the order of the call.

    `returned` lists those of `heard` that had been silent.
    """

    heard: list[str]
    returned: list[str]
    ended: list[str]
    locked: list[str]
    not_found: list[str]
