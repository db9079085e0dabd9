"""The events of the log: frozen, named for good, and read back through upcasters.

An event that carries `previous_status`, or is the first of its stream, enters its `status`: it is a transition.
The others leave the entity where it was and say why. `reported` is what somebody said; `status` is what was made
of it; `rule` is what made the difference.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from domain.actor import Actor
from domain.errors import UnknownEvent
from domain.rule_outcome import Response
from domain.state import State

Envelope = Field(exclude=True)


class Event(BaseModel):
    """Something that happened to one entity, as its stream keeps it.

    The envelope (stream, version, workflow, times) is kept in columns of its own; the rest is the event's JSON.
    `recorded_at` is the database's clock, read while the entity was locked, and is unknown until then;
    `occurred_at` is the source's claim, where it makes one. `cause` is the `stream@version` of the event that made
    this one happen.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str]
    is_transition: ClassVar[bool] = False
    """Whether such an event enters a status."""

    stream: Annotated[str, Envelope]
    version: Annotated[int, Envelope]
    workflow_id: Annotated[str, Envelope]
    occurred_at: Annotated[AwareDatetime | None, Envelope] = None
    recorded_at: Annotated[AwareDatetime | None, Envelope] = None

    status: str
    actor: Actor | None = None
    reason: str | None = None
    rule: str | None = None
    cause: str | None = None
    command_id: str | None = None

    @property
    def reference(self) -> str:
        """How another event names this one as its cause."""
        return f"{self.stream}@{self.version}"

    @property
    def effective_at(self) -> datetime | None:
        """When it happened, as far as anybody said; else when it was recorded."""
        return self.occurred_at or self.recorded_at


class TaskEvent(Event):
    """An event of a task; `num_attempts` is how many attempts have begun after it."""

    num_attempts: int


class TaskRegistered(TaskEvent):
    """A task came to be known, pinned to a lifecycle."""

    name = "task.registered.v1"
    is_transition = True

    lifecycle: str
    lifecycle_version: int
    max_attempts: int
    template: str | None = None
    array_id: str | None = None
    attributes: dict[str, Any] | None = None


class TaskProposed(TaskEvent):
    """What came of a proposal for a task.

    `owner` is the runner to whom the task belongs after it, `runner_id` the one in whose name it was made; `state` is
    there where the task's state is more than its status. Where a rule did not accept it, `response` says what it was
    answered with, `rule_reason` why, and `delay_seconds` when it may be made again.
    """

    owner: str | None = None
    state: State | None = None
    runner_id: str | None = None
    response: Response | None = None
    rule_reason: str | None = None
    delay_seconds: float | None = None


class TaskTransitioned(TaskProposed):
    """A task left one status and entered another."""

    name = "task.transitioned.v1"
    is_transition = True

    previous_status: str
    reported: str | None = None


class TaskRefused(TaskProposed):
    """A proposal that the gate or a rule refused: the task stayed where it was."""

    name = "task.refused.v1"

    reported: str


class TaskReset(TaskEvent):
    """A task was sent back to its beginning by a resumed workflow: the one move that is no edge of the machine."""

    name = "task.reset.v1"
    is_transition = True

    previous_status: str


class TaskInstanceEvent(Event):
    """An event of a task instance; `report_by_date` is until when it must be heard of again, after this event."""

    task_id: str
    report_by_date: AwareDatetime | None = None
    distributor_id: str | None = None


class TaskInstanceCreated(TaskInstanceEvent):
    """An attempt at a task came to be; `ordinal` counts the task's instances from 1.

    Where it was queued in an array, `step` counts the instances of that batch from 0.
    """

    name = "task_instance.created.v1"
    is_transition = True

    ordinal: int
    array_id: str | None = None
    batch_number: int | None = None
    step: int | None = None


class TaskInstanceTransitioned(TaskInstanceEvent):
    """An instance left one status and entered another.

    `claimed` is the status that the reporter believed the instance to be in, where it was another.
    """

    name = "task_instance.transitioned.v1"
    is_transition = True

    previous_status: str
    reported: str | None = None
    claimed: str | None = None


class TaskInstanceRefused(TaskInstanceEvent):
    """A report that the gate or a rule refused: the instance stayed where it was."""

    name = "task_instance.refused.v1"

    reported: str
    claimed: str | None = None


class TaskInstanceLapsed(TaskInstanceEvent):
    """An instance was not heard of by the time it was to be: silent since then, last heard of at `heard_at`.

    It stays in its status: whether anything follows is for others to decide.
    """

    name = "task_instance.lapsed.v1"

    silent_since: AwareDatetime
    heard_at: AwareDatetime | None = None


class TaskInstanceReturned(TaskInstanceEvent):
    """An instance was heard of again after so long a silence."""

    name = "task_instance.returned.v1"

    silent_since: AwareDatetime
    silent_until: AwareDatetime
    heard_at: AwareDatetime | None = None


ALIVE: Final = "ALIVE"
SILENT: Final = "SILENT"


class RunnerEvent(Event):
    """An event of a runner; `heard_at` is its last heartbeat before its lease ran out."""

    is_transition = True

    silent_since: AwareDatetime
    heard_at: AwareDatetime | None = None


class RunnerLapsed(RunnerEvent):
    """A runner's lease ran out, so that it is silent since then."""

    name = "runner.lapsed.v1"

    previous_status: Literal["ALIVE"] = ALIVE
    status: Literal["SILENT"] = SILENT


class RunnerReturned(RunnerEvent):
    """A runner was heard of again after so long a silence."""

    name = "runner.returned.v1"

    previous_status: Literal["SILENT"] = SILENT
    status: Literal["ALIVE"] = ALIVE
    silent_until: AwareDatetime


class TaskInstanceSubmitted(TaskInstanceEvent):
    """The cluster's id of an instance came to be known, and where it writes what it prints."""

    name = "task_instance.submitted.v1"

    stdout: str | None = None
    stderr: str | None = None


class ArrayEvent(Event):
    """An event of an array: how many of its instances may run at once after it, and the number of its last batch."""

    max_concurrently_running: int
    batch_number: int


class ArrayBound(ArrayEvent):
    """An array came to be, for the tasks of a workflow that are made from one version of a template."""

    name = "array.bound.v1"
    is_transition = True

    task_template_version_id: str
    array_name: str | None = None


class ArrayConcurrencyChanged(ArrayEvent):
    """More or fewer instances of the array may run at once."""

    name = "array.concurrency_changed.v1"


class ArrayBatchQueued(ArrayEvent):
    """So many instances were created and queued as one batch of the array."""

    name = "array.batch_queued.v1"

    size: int
    task_resources_id: str | None = None
    workflow_run_id: str | None = None


EVENTS: dict[str, type[Event]] = {
    event.name: event
    for event in (
        TaskRegistered,
        TaskTransitioned,
        TaskRefused,
        TaskReset,
        TaskInstanceCreated,
        TaskInstanceTransitioned,
        TaskInstanceRefused,
        TaskInstanceLapsed,
        TaskInstanceReturned,
        RunnerLapsed,
        RunnerReturned,
        TaskInstanceSubmitted,
        ArrayBound,
        ArrayConcurrencyChanged,
        ArrayBatchQueued,
    )
}
UPCASTERS: dict[str, tuple[str, Callable[[dict[str, Any]], dict[str, Any]]]] = {}
"""An event name that is no longer written -> the name that took its place, and how its data is carried over."""


def read_event(name: str, data: dict[str, Any]) -> Event:
    """The validated event of that name; raises UnknownEvent or pydantic.ValidationError."""
    while name in UPCASTERS:
        name, upcast = UPCASTERS[name]
        data = upcast(data)
    if name not in EVENTS:
        raise UnknownEvent(name, f"event {data.get('stream')}@{data.get('version')}")
    return EVENTS[name].model_validate(data)
