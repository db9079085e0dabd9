"""The events of the log: frozen, with permanent names, and read back through upcasters.

An event that carries `previous_status`, or is the first of its stream, enters its `status`: it is a transition. Other
events leave the entity in its status and state why. `reported` is the status that was proposed, `status` the one that
was applied, and `rule` the reason for the difference.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from domain.actor import Actor
from domain.clock import ERASED_CLOCK, UNKNOWN_CLOCK, clock_of
from domain.errors import UnknownEvent
from domain.rule_outcome import Response
from domain.state import State
from domain.waits_for import WaitsFor

Envelope = Field(exclude=True)


class Event(BaseModel):
    """Something that happened to one entity, as its stream keeps it.

    The envelope (stream, version, workflow, times) is kept in columns of its own; the rest is the event's JSON.
    `recorded_at` is the time of the database's clock, read while the entity is locked, and None before that.
    `occurred_at` is the time that the source states, if it states one. `cause` is the `stream@version` of the event
    that caused this one. `waits_for` is what the entity waits for from then on, if that is known.
    """

    # Deferred, because most commands read no event.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

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
    waits_for: WaitsFor | None = None

    @property
    def reference(self) -> str:
        """The name by which another event gives this one as its cause."""
        return f"{self.stream}@{self.version}"

    @property
    def effective_at(self) -> datetime | None:
        """The time when it happened, if the source states one, else the time when it was recorded."""
        return self.occurred_at or self.recorded_at

    @property
    def clock(self) -> str:
        """The clock that stated `effective_at`."""
        clock = clock_of(self.occurred_at, self.actor.host if self.actor else None, self.command_id)
        return ERASED_CLOCK if clock == UNKNOWN_CLOCK and self.actor and self.actor.is_erased else clock


class TaskEvent(Event):
    """An event of a task; `num_attempts` is the number of attempts that have begun after it."""

    num_attempts: int


class TaskRegistered(TaskEvent):
    """A task was registered, and pinned to a lifecycle.

    `parent` is the id of the task that it is a part of, `upstream` has the ids of those that it waits for.
    """

    name = "task.registered.v1"
    is_transition = True

    lifecycle: str
    lifecycle_version: int
    max_attempts: int
    template: str | None = None
    array_id: str | None = None
    attributes: dict[str, Any] | None = None
    parent: str | None = None
    upstream: tuple[str, ...] | None = None


class TaskUpstreamAdded(TaskEvent):
    """A task that has not begun waits for further tasks, too. It keeps its owner and its state."""

    name = "task.upstream_added.v1"

    upstream: tuple[str, ...]
    owner: str | None = None
    state: State | None = None


class TaskProposed(TaskEvent):
    """The result of a proposal for a task.

    `owner` is the runner that owns the task after it, `runner_id` the runner that made the proposal. `state` is set
    where more than the task's status is known. If a rule did not accept the proposal, `response` is the answer,
    `rule_reason` the reason, and `delay_seconds` the time after which to propose it again. `clock_tolerance` is set
    where it decided whether the proposal came too late.
    """

    owner: str | None = None
    state: State | None = None
    runner_id: str | None = None
    response: Response | None = None
    rule_reason: str | None = None
    delay_seconds: float | None = None
    clock_tolerance: float | None = None


class TaskTransitioned(TaskProposed):
    """A task left one status and entered another."""

    name = "task.transitioned.v1"
    is_transition = True

    previous_status: str
    reported: str | None = None


class TaskRefused(TaskProposed):
    """The gate or a rule refused a proposal, so the task stayed in its status."""

    name = "task.refused.v1"

    reported: str


class TaskReset(TaskEvent):
    """A resumed workflow sent a task back to its beginning: the only move without an edge of the machine."""

    name = "task.reset.v1"
    is_transition = True

    previous_status: str


class TaskInstanceEvent(Event):
    """An event of a task instance; its next report is due by `report_by_date`."""

    task_id: str
    report_by_date: AwareDatetime | None = None
    distributor_id: str | None = None


class TaskInstanceCreated(TaskInstanceEvent):
    """An instance of a task was created: an attempt. `ordinal` counts the task's instances from 1.

    In an array, `step` counts the instances of its batch from 0.
    """

    name = "task_instance.created.v1"
    is_transition = True

    ordinal: int
    array_id: str | None = None
    batch_number: int | None = None
    step: int | None = None


class TaskInstanceTransitioned(TaskInstanceEvent):
    """An instance left one status and entered another.

    `claimed` is the status that the reporter expected the instance to be in, if it was in another. `clock_tolerance` is
    set where it decided whether the report came too late.
    """

    name = "task_instance.transitioned.v1"
    is_transition = True

    previous_status: str
    reported: str | None = None
    claimed: str | None = None
    clock_tolerance: float | None = None


class TaskInstanceRefused(TaskInstanceEvent):
    """The gate or a rule refused a report, so the instance stayed in its status."""

    name = "task_instance.refused.v1"

    reported: str
    claimed: str | None = None
    clock_tolerance: float | None = None


class TaskInstanceLapsed(TaskInstanceEvent):
    """The lease of an instance expired: it is silent since then, and sent its last heartbeat at `heard_at`.

    The instance stays in its status, because recovery decides what follows.
    """

    name = "task_instance.lapsed.v1"

    silent_since: AwareDatetime
    heard_at: AwareDatetime | None = None


class TaskInstanceReturned(TaskInstanceEvent):
    """The heartbeat of an instance resumed after a silence."""

    name = "task_instance.returned.v1"

    silent_since: AwareDatetime
    silent_until: AwareDatetime
    heard_at: AwareDatetime | None = None


ALIVE: Final = "ALIVE"
SILENT: Final = "SILENT"


class RunnerEvent(Event):
    """An event of a runner; `heard_at` is the time of its last heartbeat before its lease expired."""

    is_transition = True

    silent_since: AwareDatetime
    heard_at: AwareDatetime | None = None


class RunnerLapsed(RunnerEvent):
    """The lease of a runner expired, so that it is silent since then."""

    name = "runner.lapsed.v1"

    previous_status: Literal["ALIVE"] = ALIVE
    status: Literal["SILENT"] = SILENT


class RunnerReturned(RunnerEvent):
    """The heartbeat of a runner resumed after a silence."""

    name = "runner.returned.v1"

    previous_status: Literal["SILENT"] = SILENT
    status: Literal["ALIVE"] = ALIVE
    silent_until: AwareDatetime


class TaskInstanceSubmitted(TaskInstanceEvent):
    """A distributor assigned its id to an instance, with the paths of the instance's output."""

    name = "task_instance.submitted.v1"

    stdout: str | None = None
    stderr: str | None = None


class ArrayEvent(Event):
    """An event of an array: the limit of its concurrent instances and the number of its last batch, after it."""

    max_concurrently_running: int
    batch_number: int


class ArrayBound(ArrayEvent):
    """An array was created, for the tasks of a workflow that share one version of a template."""

    name = "array.bound.v1"
    is_transition = True

    task_template_version_id: str
    array_name: str | None = None


class ArrayConcurrencyChanged(ArrayEvent):
    """The limit of the array's concurrent instances changed."""

    name = "array.concurrency_changed.v1"


class ArrayBatchQueued(ArrayEvent):
    """A number of instances were created and queued as one batch of the array."""

    name = "array.batch_queued.v1"

    size: int
    task_resources_id: str | None = None
    workflow_run_id: str | None = None


ERASING: Final = "ERASING"
ERASED: Final = "ERASED"


class LogErasureBegun(Event):
    """The erasure of a person began, whom `erased-N` replaces where N is in the stream `log:erased-N`.

    `reason` is why. `only_workflow` is the workflow to which it is limited, if it is.
    """

    name = "log.erasure_begun.v1"
    is_transition = True

    status: Literal["ERASING"] = ERASING
    only_workflow: str | None = None


class LogErased(Event):
    """An erasure has ended: that number of `events` was changed, in the log and in archives."""

    name = "log.erased.v1"
    is_transition = True

    previous_status: Literal["ERASING"] = ERASING
    status: Literal["ERASED"] = ERASED
    events: int


EVENTS: dict[str, type[Event]] = {
    event.name: event
    for event in (
        TaskRegistered,
        TaskUpstreamAdded,
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
        LogErasureBegun,
        LogErased,
    )
}
UPCASTERS: dict[str, tuple[str, Callable[[dict[str, Any]], dict[str, Any]]]] = {}
"""An event name that is no longer written -> the name that replaced it, and the conversion of its data."""


def read_event(name: str, data: dict[str, Any]) -> Event:
    """Return the validated event of that name.

    Raises:
        UnknownEvent: this version of Sojourn has no event of that name.
        pydantic.ValidationError: the data does not fit the event.
    """
    while name in UPCASTERS:
        name, upcast = UPCASTERS[name]
        data = upcast(data)
    if name not in EVENTS:
        raise UnknownEvent(name, f"event {data.get('stream')}@{data.get('version')}")
    return EVENTS[name].model_validate(data)
