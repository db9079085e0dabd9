"""Decisions about cases that an import met before, so that it takes each case through the pipeline once.

What the domain decides depends on the lifecycle, on the statuses of a task and its instance, and on the numbers of
their attempts. Ids, times, actors and reasons are only carried over, and a dump repeats the same case for thousands of
jobs. The cache decides a case for entities without a name and keeps the answer as a template: the columns of each event
without what differs between entities or reports. `build_rows` fills that in, and no event object is made.

Some cases are never cached, because more could matter: a task with an owner, a state or attributes other than a
partition, the registration of one in an array or with a parent, an instance with a deadline, a distributor's id or a
place in an array, and lifecycles whose rules read states.
docs/decisions/0020-an-import-decides-a-case-once.md has the reasons and the figures.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from pydantic_core import to_json

from application.imports.tally import EventCounts
from domain.actor import Actor
from domain.decisions.decide import decide
from domain.decisions.decision import Decision, Family
from domain.decisions.proposals import InstanceCreation, InstanceReport, Registration, TaskRequest
from domain.entities.entry import Entry
from domain.entities.events import Event, TaskEvent, TaskTransitioned
from domain.entities.task import Task
from domain.entities.task_instance import NOT_IN_ARRAY, TaskInstance
from domain.entity import TASK, TASK_INSTANCE
from domain.lifecycles.lifecycle import Lifecycle
from domain.report_context import ReportContext
from domain.rules.core_rules import CORE_RULES
from domain.rules.rulebook import rulebook_of
from domain.text import cut_reason
from domain.waits_for import WaitKind, WaitsFor
from infrastructure.log.stored_event import StoredEvent, store_actor, store_event

MAX_DECISIONS = 20_000
"""The number of decisions that are kept."""

SAMPLE_WAIT = WaitsFor(kind=WaitKind.HOLD, detail="sample")
SAMPLE_REPORT = ReportContext(None, "reason", datetime(2000, 1, 1, tzinfo=UTC), "command", waits_for=SAMPLE_WAIT)
"""The report for which cases are decided: an event that carries its reason or its wait on shows that."""

FILLED_IN = {"actor", "reason", "command_id", "cause", "task_id", "template"}
"""The fields of an event that differ between entities or reports."""


class EventOffset(NamedTuple):
    """An event of the same decision: whether it is the task's, and its version counted from before the decision."""

    is_task_event: bool
    version: int


class EventTemplate(NamedTuple):
    """An event without its ids, times, actor and reason. `rest` is that of its columns, without the braces."""

    offset: EventOffset
    columns: StoredEvent
    is_transition: bool
    rest: bytes
    has_reason: bool
    has_wait: bool
    cause: EventOffset | None


class EntityUpdate(NamedTuple):
    """An entity's status after a decision, the number of its new events, and whether it entered a status."""

    status: str
    events: int
    enters_status: bool


class CachedDecision(NamedTuple):
    """The result of a case: its events, what they add up to, and the entities after it.

    `entered` has the statuses that the task enters, and whether its instance caused that.
    """

    events: tuple[EventTemplate, ...]
    counts: EventCounts
    task: EntityUpdate
    num_attempts: int
    newest_ordinal: int
    instance: EntityUpdate | None
    entered: tuple[tuple[str, bool], ...]


class EventValues(NamedTuple):
    """What a report adds to each event: the time, its actor, command id and reason, and as JSON its wait.

    `rest` has an actor that the columns do not show exactly.
    """

    at: datetime
    actor: str | None
    actor_host: str | None
    actor_user: str | None
    actor_pid: int | None
    command_id: str | None
    reason: str | None
    waits_for: bytes
    rest: bytes

    @classmethod
    def of(
        cls,
        actor: Actor | None,
        reason: str | None,
        at: datetime,
        command_id: str | None,
        waits_for: WaitsFor | None = None,
    ) -> "EventValues":
        """Return the values of a report."""
        columns, rest = _store_actor(actor) if actor else ((None, None, None, None), b"")
        return cls(
            at,
            *columns,
            command_id or None,
            None if reason is None else cut_reason(reason),
            b"" if waits_for is None else b',"waits_for":' + to_json(waits_for, exclude_none=True),
            rest,
        )


class LifecycleTraits(NamedTuple):
    """What decides whether cases under a lifecycle can be cached.

    The lifecycle itself is kept because its `id()` is part of a case's key: no other lifecycle may get that id.
    """

    lifecycle: Lifecycle
    reads_state: bool
    has_proposal_rules: bool


class DecisionCache:
    """The decisions of one import, under any lifecycles.

    Each method returns the decision about a case, or None for a case that cannot be cached.
    """

    def __init__(self) -> None:
        self._decisions: dict[Hashable, CachedDecision] = {}
        self._traits: dict[int, LifecycleTraits] = {}

    def decide_registration(self, task: Task, status: str | None = None) -> CachedDecision | None:
        """Decide the registration of `task`, which begins in `status` or in its initial one."""
        if not self._is_cacheable(task) or task.array_id is not None or task.parent_id is not None:
            return None
        case = "registration", id(task.lifecycle), task.max_attempts, _partition_of(task), status
        return self._decision(case, lambda: decide(_nameless(task), Registration(status=status), SAMPLE_REPORT))

    def decide_creation(self, task: Task, status: str | None = None) -> CachedDecision | None:
        """Decide the creation of another instance of `task`, which begins in `status` or in its initial one."""
        if not self._is_cacheable(task):
            return None
        case = "creation", *_task_key(task), status
        creation = InstanceCreation("i", status=status)
        return self._decision(case, lambda: decide(_nameless(task), creation, SAMPLE_REPORT))

    def decide_report(self, instance: TaskInstance, task: Task, to: str) -> CachedDecision | None:
        """Decide a report that `instance` is in the status `to`."""
        if not self._is_cacheable(task) or not _is_plain(instance):
            return None
        case = "report", *_task_key(task), instance.ordinal, instance.status, to
        return self._decision(case, lambda: decide(_nameless(task, instance), InstanceReport(to), SAMPLE_REPORT))

    def decide_move(self, task: Task, to: str, *, starts_attempt: bool) -> CachedDecision | None:
        """Decide a proposal to move `task` itself to the status `to`."""
        if not self._is_cacheable(task) or self._traits[id(task.lifecycle)].has_proposal_rules:
            return None
        case = "move", *_task_key(task), to, starts_attempt
        return self._decision(case, lambda: decide(_nameless(task), TaskRequest(to, starts_attempt), SAMPLE_REPORT))

    def _is_cacheable(self, task: Task) -> bool:
        traits = self._traits.get(id(task.lifecycle))
        if traits is None:
            traits = self._traits[id(task.lifecycle)] = _read_traits(task.lifecycle)
        has_plain_attributes = task.attributes is None or task.attributes.keys() == {"partition"}
        return not traits.reads_state and task.owner is None and task.state is None and has_plain_attributes

    def _decision(self, case: Hashable, decide_case: Callable[[], Decision]) -> CachedDecision:
        decision = self._decisions.get(case)
        if decision is None:
            if len(self._decisions) >= MAX_DECISIONS:
                self._decisions.clear()
            decision = self._decisions[case] = _to_cached(decide_case())
        return decision


def build_rows(
    decision: CachedDecision,
    task: Task,
    instance: TaskInstance | None,
    values: EventValues,
    template: str | None = None,
) -> list[StoredEvent]:
    """Return the rows of a decision's events for these entities, which are as they were before it.

    `template` is the task's, stated where the decision registers the task.
    """
    own = b"" if template is None else b',"template":' + to_json(template)
    of_task = _Entity(TASK, task.id, task.version, task.workflow_id, task.entered_at, None, own)
    of_instance = of_task
    if instance:
        of_instance = _Entity(
            TASK_INSTANCE, instance.id, instance.version, task.workflow_id, instance.entered_at, task.id, b""
        )
    rows = []
    for event in decision.events:
        entity = of_task if event.offset.is_task_event else of_instance
        cause = None
        if event.cause:
            causing = of_task if event.cause.is_task_event else of_instance
            cause = _Cause(causing.kind, f"{causing.id}@{causing.version + event.cause.version}")
        rows.append(entity.row(event, values, cause))
    return rows


class _Cause(NamedTuple):
    """The kind of the entity whose event caused another one, and the rest of that event's reference."""

    kind: str
    reference: str


@dataclass(slots=True)
class _Entity:
    """An entity before a decision, its last entry so far, and what each of its events has in `rest`."""

    kind: str
    id: str
    version: int
    workflow_id: str
    entered_at: datetime | None
    task_id: str | None
    rest: bytes

    def row(self, event: EventTemplate, values: EventValues, cause: _Cause | None) -> StoredEvent:
        """Return the row of the entity's next event."""
        if event.is_transition:
            self.entered_at = _later_of(values.at, self.entered_at)
        rest = event.rest + values.rest + self.rest
        if event.has_wait:
            rest += values.waits_for
        if cause and cause.kind == self.kind:
            rest += b',"cause":' + to_json(f"{cause.kind}:{cause.reference}")
        columns = event.columns
        return StoredEvent(
            self.entered_at, values.at, None, self.version + event.offset.version, columns.num_attempts,
            columns.ordinal, values.actor_pid, self.kind, self.id, self.workflow_id, columns.status,
            columns.previous_status, self.task_id, values.actor, columns.reported, columns.rule, columns.event_type,
            cause.reference if cause and cause.kind != self.kind else None, values.actor_host, values.actor_user,
            values.reason if event.has_reason else None, columns.owner, columns.runner_id, values.command_id,
            columns.distributor_id, b"{" + rest[1:] + b"}" if rest else None,
        )  # fmt: skip


def task_after(decision: CachedDecision, task: Task, at: datetime, clock: str) -> Task:
    """Return the task after the decision about a report of the time `at` by that clock."""
    update = decision.task
    entry = _entry_after(update, task, at, clock)
    return task._replace(
        status=update.status,
        num_attempts=decision.num_attempts,
        instances=decision.newest_ordinal,
        version=task.version + update.events,
        entered_at=entry.entered_at,
        entered_clock=entry.entered_clock,
    )


def instance_after(decision: CachedDecision, instance: TaskInstance, at: datetime, clock: str) -> TaskInstance:
    """Return the instance after the decision about a report of the time `at` by that clock."""
    update = decision.instance
    assert update is not None
    entry = _entry_after(update, instance, at, clock)
    return instance._replace(
        status=update.status,
        version=instance.version + update.events,
        entered_at=entry.entered_at,
        entered_clock=entry.entered_clock,
    )


def _entry_after(update: EntityUpdate, entity: Task | TaskInstance, at: datetime, clock: str) -> Entry:
    before = entity.entered_at
    if not update.enters_status or (before is not None and at < before):
        return Entry(before, entity.entered_clock)
    return Entry(at, clock)


def _later_of(at: datetime, before: datetime | None) -> datetime:
    # Both are in UTC, so that comparing them needs no conversion.
    return at if before is None or at > before else before


def _is_plain(instance: TaskInstance) -> bool:
    return (
        instance.report_by_date is None
        and instance.distributor_id is None
        and instance.silent_since is None
        and instance.member == NOT_IN_ARRAY
    )


def _task_key(task: Task) -> tuple[int, str, int, int, int, str | None]:
    return id(task.lifecycle), task.status, task.num_attempts, task.max_attempts, task.instances, _partition_of(task)


def _partition_of(task: Task) -> str | None:
    return task.attributes["partition"] if task.attributes else None


def _read_traits(lifecycle: Lifecycle) -> LifecycleTraits:
    reads_state = any(CORE_RULES[rule].reads_state for rule in lifecycle.rules if rule in CORE_RULES)
    return LifecycleTraits(lifecycle, reads_state, bool(rulebook_of(lifecycle).requests))


def _nameless(task: Task, instance: TaskInstance | None = None) -> Family:
    if instance:
        instance = instance._replace(
            id="i", task_id="t", workflow_id="w", version=0, entered_at=None, entered_clock=None
        )
    task = task._replace(
        id="t", workflow_id="w", template=None, array_id=None, version=0, entered_at=None, entered_clock=None
    )
    return Family(instance, task)


def _to_cached(decision: Decision) -> CachedDecision:
    task, instance = decision.task, decision.instance
    task_events = [event for event in decision.events if isinstance(event, TaskEvent)]
    instance_events = [event for event in decision.events if not isinstance(event, TaskEvent)]
    return CachedDecision(
        events=tuple(map(_to_template, decision.events)),
        counts=EventCounts.of(decision.events),
        task=_to_update(task.status, task_events),
        num_attempts=task.num_attempts,
        newest_ordinal=task.instances,
        instance=_to_update(instance.status, instance_events) if instance else None,
        entered=tuple(
            (event.status, event.cause is not None) for event in task_events if isinstance(event, TaskTransitioned)
        ),
    )


def _to_update(status: str, events: Sequence[Event]) -> EntityUpdate:
    return EntityUpdate(status, len(events), any(event.is_transition for event in events))


def _to_template(event: Event) -> EventTemplate:
    has_wait = event.waits_for == SAMPLE_WAIT
    left_out = {name: None for name in FILLED_IN if name in type(event).model_fields and name != "task_id"}
    columns = store_event(event.model_copy(update=left_out | ({"waits_for": None} if has_wait else {})), None)
    return EventTemplate(
        EventOffset(isinstance(event, TaskEvent), event.version),
        columns,
        event.is_transition,
        b"," + columns.rest[1:-1] if columns.rest else b"",
        event.reason is not None,
        has_wait,
        _to_offset(event.cause) if event.cause else None,
    )


def _to_offset(cause: str) -> EventOffset:
    stream, _, version = cause.rpartition("@")
    return EventOffset(stream.startswith("task:"), int(version))


@lru_cache(maxsize=10_000)
def _store_actor(actor: Actor) -> tuple[tuple[str | None, str | None, str | None, int | None], bytes]:
    if stored := store_actor(actor):
        return stored, b""
    return (actor.component, None, None, None), b',"actor":' + to_json(actor, exclude_none=True)
