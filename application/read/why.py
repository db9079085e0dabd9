"""Why an entity has its status: the events that led there, of its task, the task's instances and their array."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypedDict, cast

from psycopg import Connection
from psycopg.rows import dict_row

from application.read.open_interval import compare_open_interval
from application.read.orphans import BLOCKED, DEAD_RUNNER, RULES, STALLED, STUCK, find_orphans_on
from application.read.status import status_on
from application.shared.as_of import as_of
from application.shared.existence import require_entity
from application.shared.open_interval import OpenInterval
from application.shared.orphan import Orphan, OrphanRule
from application.shared.store import Store
from application.wording.event_in_words import DescribedEvent, describe_event
from application.wording.likely_next import Follower
from application.wording.open_interval_in_words import describe_open_interval
from application.wording.upstream_in_words import FailedAttempt, SilentAttempt, UpstreamRoot
from application.wording.verdict import InstanceStatus, TaskWithInstances, write_runner_verdict, write_verdict
from domain.entity import ARRAY, RUNNER, TASK, TASK_INSTANCE, Entity
from domain.rule_names import RuleName
from infrastructure.sql import query

MOST_EVENTS = 60
"""How many events a chain has at most: what decides the status comes first, then the last ones."""

MOST_INSTANCES = 50
"""How many instances of a task are read at most; these are the newest ones."""


MOST_COMPARED = 500
"""How many other tasks are compared with at most, of its workflow and of all."""


class Link(TypedDict):
    """One event of the chain; `at` is when it happened, `actor` who reported it, `rule` what decided it."""

    position: int
    entity: str
    name: str
    text: str
    at: datetime
    actor: str | None
    rule: RuleName | None


class Why(TypedDict):
    """An entity's status, why it has it, and the events that led there.

    `rule` is the rule by which it is an orphan, or that decided its last event. `omitted` counts the events that a full
    chain would have and this one has not. Before it existed, `status` is None and the chain is empty.
    """

    entity: str
    status: str | None
    since: datetime | None
    verdict: str
    rule: RuleName | OrphanRule | None
    orphan: list[Orphan]
    chain: list[Link]
    omitted: int


def explain_entity(store: Store, entity: Entity, at: datetime | None = None) -> Why:
    """Return why an entity has its status as of `at`.

    Raises:
        UnknownEntity: the log has no such entity.
    """
    with as_of(store, at) as connection:
        status, since, *_ = status_on(connection, entity)
        if status is None:
            require_entity(connection, entity)
            return _nothing(entity)
        task = _read_task(store, connection, entity) if entity.kind in (TASK, TASK_INSTANCE) else None
        upstream = _read_upstream_end(connection, entity, task, status)
        orphan, interval = _judge(connection, entity, task, status, upstream)
        if task is not None and not task.machine_of(entity).is_terminal(status):
            if upstream and upstream.reason:
                task = task._replace(waits_behind=upstream.blocked or 0)
            elif upstream and all(one["rule"] == STUCK for one in orphan):
                task = task._replace(root=_describe_root(connection, upstream))
            if not orphan:
                task = task._replace(followers=_read_followers(connection, entity, task.task, status))
        events = _Events(connection, entity, task, orphan)
    if entity.kind == RUNNER and since is not None:
        verdict, rule = write_runner_verdict(entity, status, since), None
    else:
        verdict, rule = write_verdict(entity, status, task, events.own, events.caused_by, events.at_position, orphan)
    if interval and (compared := describe_open_interval(interval)):
        verdict = f"{verdict} {compared}"
    relevant = events.relevant()
    chain = [events.link(event) for event in events.shorten(relevant)]
    return {
        "entity": str(entity),
        "status": status,
        "since": since,
        "verdict": verdict,
        "rule": rule,
        "orphan": orphan,
        "chain": chain,
        "omitted": len(relevant) - len(chain),
    }


class UpstreamEnd(NamedTuple):
    """Where the ways up from a task that has not begun end: at its first cause (`reason`), or at an unfinished root."""

    task: str
    status: str
    entered_at: datetime
    num_attempts: int
    max_attempts: int
    owner: str | None
    ends: int
    direct: bool
    reason: str | None
    since: datetime
    position: int | None
    blocked: int | None
    limited: bool


class _Events:
    """The events of an entity, of its task and of the task's instances, oldest first."""

    def __init__(
        self,
        connection: Connection[Any],
        entity: Entity,
        task: TaskWithInstances | None,
        orphan: Iterable[Orphan],
    ) -> None:
        streams = list(dict.fromkeys([entity.stream, *(_streams(task) if task else ())]))
        self._evidence = {position for one in orphan for position in one["evidence"]}
        evidence = sorted(self._evidence)
        wanted = {"streams": streams, "own": entity.stream, "limit": MOST_EVENTS * 10, "evidence": evidence}
        rows = connection.execute(query("projections", "read/why_events"), wanted).fetchall()
        self.all = [DescribedEvent(*row) for row in rows]
        self.own = [event for event in self.all if event.stream == entity.stream]
        self._task = task.task if task else None
        self._references = {f"{event.stream}@{event.version}": event for event in self.all}
        self._positions = {event.position: event for event in self.all}

    def caused_by(self, event: DescribedEvent) -> DescribedEvent | None:
        """Return the event that made this one happen."""
        return self._references.get(event.data.get("cause", ""))

    def at_position(self, position: int) -> DescribedEvent | None:
        """Return the event at that position in the log."""
        return self._positions.get(position)

    def shorten(self, events: Sequence[DescribedEvent]) -> list[DescribedEvent]:
        """Return at most MOST_EVENTS: the evidence, of its own events and their causes up to half, then the last."""
        evidence = {event.position for event in events if event.position in self._evidence}
        own = {event.position for event in self.own} | self._causes(self.own)
        decisive = [event.position for event in events if event.position in own - evidence]
        kept = evidence | set(decisive[-(MOST_EVENTS // 2) :])
        others = [event.position for event in reversed(events) if event.position not in kept]
        kept |= set(others[: max(0, MOST_EVENTS - len(kept))])
        return [event for event in events if event.position in kept]

    def _causes(self, events: Iterable[DescribedEvent]) -> set[int]:
        return {cause.position for event in events if (cause := self.caused_by(event))}

    def relevant(self) -> list[DescribedEvent]:
        """Return the events of the entity and its task, and of the others the first, the last, causes and rulings."""
        streams = {event.stream for event in self.own[:1]} | {f"{TASK}:{self._task}"}
        causes = self._causes(event for event in self.all if event.stream in streams)
        last = {event.stream: event.position for event in self.all}
        return [
            event
            for event in self.all
            if event.stream in streams
            or event.version == 1
            or event.position in causes | self._evidence
            or event.position == last[event.stream]
            or event.data.get("rule")
            or event.stream.startswith(f"{ARRAY}:")
        ]

    def link(self, event: DescribedEvent) -> Link:
        """Return the event as a link of the chain."""
        return {
            "position": event.position,
            "entity": event.entity,
            "name": event.name,
            "text": describe_event(event, self.caused_by(event)),
            "at": event.at,
            "actor": event.actor.component if event.actor else None,
            "rule": event.data.get("rule"),
        }


def _read_task(store: Store, connection: Connection[Any], entity: Entity) -> TaskWithInstances:
    wanted = {"kind": entity.kind, "id": entity.id, "limit": MOST_INSTANCES}
    rows = connection.execute(query("projections", "read/why_task"), wanted).fetchall()
    lifecycle, version, task_id, status, entered_at, owner = rows[0][:6]
    instances = [InstanceStatus(*row[6:]) for row in rows if row[6] is not None]
    return TaskWithInstances(store.lifecycles.by_key(lifecycle, version), task_id, status, entered_at, owner, instances)


def _read_followers(connection: Connection[Any], entity: Entity, task: str, status: str) -> list[Follower]:
    wanted = {"task": task, "kind": entity.kind, "status": status, "tasks": MOST_COMPARED}
    return [Follower(*row) for row in connection.execute(query("projections", "read/why_next"), wanted)]


def _read_upstream_end(
    connection: Connection[Any], entity: Entity, task: TaskWithInstances | None, status: str
) -> UpstreamEnd | None:
    """Return the first cause because of which a task cannot start, else the unfinished task at the root, or None."""
    if task is None or entity.kind != TASK or task.machine_of(entity).is_terminal(status):
        return None
    wanted = {"task": task.task}
    row = connection.execute(query("projections", "read/upstream_end"), wanted, prepare=False).fetchone()
    return UpstreamEnd(*row) if row else None


def _describe_root(connection: Connection[Any], root: UpstreamEnd) -> UpstreamRoot:
    """Return the unfinished task at the root with its failed attempts, and what of it is silent."""
    wanted = {"task": root.task}
    failed = connection.execute(query("projections", "read/failed_attempts"), wanted).fetchall()
    silent = connection.execute(query("projections", "read/silent_attempt"), wanted).fetchone()
    failures = [FailedAttempt(*one) for one in failed]
    return UpstreamRoot(*root[:8], failures=failures, silent=SilentAttempt(*silent) if silent else None)


def _streams(task: TaskWithInstances) -> Sequence[str]:
    arrays = [f"{ARRAY}:{instance.array_id}" for instance in task.instances if instance.array_id]
    return [f"{TASK}:{task.task}", *(f"{TASK_INSTANCE}:{instance.id}" for instance in task.instances), *arrays]


def _judge(
    connection: Connection[Any],
    entity: Entity,
    task: TaskWithInstances | None,
    status: str,
    upstream: UpstreamEnd | None,
) -> tuple[list[Orphan], OpenInterval | None]:
    """Return the orphans that the entity is, and its open interval where no other rule than `stuck` explains it."""
    if task is None:
        return [], None
    rules = _possible_rules(entity, task, status, upstream)
    asked = rules if upstream else [rule for rule in rules if rule != STUCK]
    found, interval = find_orphans_on(connection, asked, entity=entity), None
    if upstream and upstream.reason:
        found += _blocked_orphan(connection, task.task, upstream)
    if STUCK in rules and not upstream:
        # The intervals that have ended are read once, unless the entity has lasted long enough to be stuck.
        interval = None if found else compare_open_interval(connection, entity)
        if found or (interval and interval.may_be_stuck):
            found += find_orphans_on(connection, [STUCK], entity=entity)
    return sorted(found, key=_by_rule), interval


def _by_rule(orphan: Orphan) -> tuple[bool, int]:
    """Return its place in the order of the rules; what keeps it from starting comes first."""
    return orphan["rule"] != BLOCKED, RULES.index(orphan["rule"])


def _possible_rules(
    entity: Entity, task: TaskWithInstances, status: str, upstream: UpstreamEnd | None
) -> list[OrphanRule]:
    """Return the rules to ask about, because planning one that cannot apply takes longer than reading an entity.

    What keeps a task from starting is known; an ended entity cannot be stuck, nor a task that waits for others where no
    limit is stated; a task is stalled because its last instance ended, and belongs to a dead runner only while it
    belongs to one.
    """
    machine = task.lifecycle.task if entity.kind == TASK else task.lifecycle.instance
    excluded: set[OrphanRule] = {BLOCKED}
    if (machine is not None and machine.is_terminal(status)) or (upstream and not upstream.limited):
        excluded.add(STUCK)
    if not task.instances:
        excluded.add(STALLED)
    if task.owner is None:
        excluded.add(DEAD_RUNNER)
    return [rule for rule in RULES if rule not in excluded]


def _blocked_orphan(connection: Connection[Any], task: str, cause: UpstreamEnd) -> list[Orphan]:
    """Return the orphan that a task is because of its first cause."""
    wanted = {
        "task": task, "cause": cause.task, "reason": cause.reason, "since": cause.since, "position": cause.position,
        "causes": cause.ends,
    }  # fmt: skip
    with connection.cursor(row_factory=dict_row) as cursor:
        return cast("list[Orphan]", cursor.execute(query("projections", "read/blocked_orphan"), wanted).fetchall())


def _nothing(entity: Entity) -> Why:
    return {
        "entity": str(entity),
        "status": None,
        "since": None,
        "verdict": "it did not exist",
        "rule": None,
        "orphan": [],
        "chain": [],
        "omitted": 0,
    }
