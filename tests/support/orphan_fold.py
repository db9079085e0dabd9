"""Help tests to compare orphans with a fold over the raw events, written from the rules' words, not from their SQL.

It reads no projection. Heartbeats are not events, so nothing here depends on them.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from math import ceil, floor
from typing import Any, NamedTuple

from domain.lifecycles.lifecycle import Lifecycle
from domain.lifecycles.machine import Machine
from domain.rule_names import ORPHANED_INSTANCE
from tests.support.agreement import Row, moves

NEVER_LAUNCHED_AFTER = timedelta(hours=1)
STUCK_FACTOR, STUCK_FLOOR = 3, timedelta(minutes=1)


class Hit(NamedTuple):
    """An orphan in short."""

    entity: str
    rule: str
    since: datetime
    evidence: tuple[int, ...]


class Entity:
    """An entity as of a time: the statuses that it had entered by then, and its other events."""

    def __init__(self, stream: str, events: list[Row], machine: Machine, template: str | None) -> None:
        self.kind, _, self.id = stream.partition(":")
        self.name = f"{'ti' if self.kind == 'task_instance' else 'task'}:{self.id}"
        self.machine, self.template, self.events = machine, template, events
        self.entered = moves(events)

    @property
    def last(self) -> Row:
        return self.entered[-1]

    @property
    def status(self) -> str:
        return str(self.last["status"])

    @property
    def is_active(self) -> bool:
        return self.status not in self.machine.terminal

    @property
    def task_id(self) -> str:
        return str(self.events[0].get("task_id", self.id))

    @property
    def upstream(self) -> list[str]:
        """The tasks that it waits for, as far as they were known."""
        return [str(task) for event in self.events for task in event.get("upstream") or ()]

    def since(self, statuses: Iterable[str]) -> Row:
        """The event by which it entered those statuses, among which it has been ever since."""
        among = set(statuses)
        first = self.last
        for event in reversed(self.entered):
            if event["status"] not in among:
                break
            first = event
        return first

    @property
    def begun(self) -> Row:
        return self.since(set(self.machine.statuses) - self.machine.terminal)


def orphans_of(streams: dict[str, list[Row]], lifecycle: Lifecycle, at: datetime, *, stuck_minimum: int) -> set[Hit]:
    """Every orphan as of `at`, decided or not. `streams` are all of the lifecycle, as stays are compared with them."""
    assert lifecycle.instance
    machines = {"task": lifecycle.task, "task_instance": lifecycle.instance}
    templates = {stream: events[0].get("template") for stream, events in streams.items()}
    entities = {}
    for stream, events in streams.items():
        by_then = [event for event in events if effective_at(event) <= at]
        if by_then:
            template = templates.get(f"task:{events[0].get('task_id')}", templates[stream])
            entities[stream] = Entity(stream, by_then, machines[stream.partition(":")[0]], template)
    everything = list(entities.values())
    hits: set[Hit] = set(stuck(everything, at, stuck_minimum))
    for task in (entity for entity in everything if entity.kind == "task"):
        hits.update(in_ended_parent(task, entities))
        instances = [entity for entity in everything if entity.kind != "task" and entity.task_id == task.id]
        instances.sort(key=lambda instance: instance.events[0]["ordinal"])
        hits.update(stalled(task, instances, lifecycle))
        for instance in instances:
            hits.update(late(task, instance))
            if instance.is_active:
                hits.update(outlived(task, instance))
                hits.update(superseded(instance, instances))
                hits.update(silent(instance, at))
                hits.update(never_launched(instance, at))
    return hits


def effective_at(event: Row) -> datetime:
    reported_at: datetime = event["occurred_at"] or event["recorded_at"]
    entered: datetime = event["entered_at"]
    return max(entered, reported_at)


def outlived(task: Entity, instance: Entity) -> Iterator[Hit]:
    if not task.is_active:
        ended = task.since(task.machine.terminal)
        since = max(instance.begun["entered_at"], ended["entered_at"])
        yield Hit(instance.name, "terminal-parent", since, (instance.begun["position"], ended["position"]))


def in_ended_parent(task: Entity, entities: dict[str, Entity]) -> Iterator[Hit]:
    parent = entities.get(f"task:{task.events[0].get('parent')}")
    if parent and task.is_active and not parent.is_active:
        ended = parent.since(parent.machine.terminal)
        since = max(task.begun["entered_at"], ended["entered_at"])
        yield Hit(task.name, "ended-parent", since, (task.begun["position"], ended["position"]))


def superseded(instance: Entity, instances: list[Entity]) -> Iterator[Hit]:
    newer = [other.begun for other in instances[instances.index(instance) + 1 :] if other.is_active]
    if newer:
        first = min(newer, key=lambda event: (event["entered_at"], event["position"]))
        since = max(instance.begun["entered_at"], first["entered_at"])
        yield Hit(instance.name, "superseded", since, (instance.begun["position"], first["position"]))


def silent(instance: Entity, at: datetime) -> Iterator[Hit]:
    """Yield the instance if its report-by date has passed; entering a status without such a date keeps the last one."""
    if instance.status not in instance.machine.awaits_report or not instance.last.get("report_by_date"):
        return
    since: datetime | None = None
    for event, following in pairwise([*instance.entered, None]):
        assert event
        by = datetime.fromisoformat(event["report_by_date"]) if event.get("report_by_date") else None
        until = following["entered_at"] if following else None
        if by is None or event["status"] in instance.machine.terminal:
            since = None
        elif by > event["entered_at"]:
            since = by if until is None or by < until else None
        elif since is None and event["entered_at"] != until:
            since = event["entered_at"]
    if since is not None and since < at:
        yield Hit(instance.name, "missed-heartbeat", since, (instance.since([instance.status])["position"],))


def never_launched(instance: Entity, at: datetime) -> Iterator[Hit]:
    waits = instance.machine.awaits_distributor
    if instance.status in waits and not any(event.get("distributor_id") for event in instance.events):
        begun = instance.since(waits)
        since = begun["entered_at"] + NEVER_LAUNCHED_AFTER
        if since < at:
            yield Hit(instance.name, "never-launched", since, (begun["position"],))


def stalled(task: Entity, instances: list[Entity], lifecycle: Lifecycle) -> Iterator[Hit]:
    assert lifecycle.instance
    implied = {
        implication.status
        for status, implication in lifecycle.implies.items()
        if status not in lifecycle.instance.terminal
    }
    if task.status not in implied or not instances or any(instance.is_active for instance in instances):
        return
    waiting = task.since([task.status])
    ends = [instance.since([instance.status]) for instance in instances]
    ended = max(ends, key=lambda event: event["position"])
    if ended["position"] > waiting["position"]:
        since = max(waiting["entered_at"], ended["entered_at"])
        yield Hit(task.name, "stalled-task", since, (waiting["position"], ended["position"]))


def late(task: Entity, instance: Entity) -> Iterator[Hit]:
    for event in instance.entered:
        if event.get("rule") == ORPHANED_INSTANCE:
            before = [entered for entered in task.entered if entered["position"] < event["position"]]
            evidence = (before[-1]["position"], event["position"])
            since = max(event["entered_at"], before[-1]["entered_at"])
            yield Hit(instance.name, "late-report", since, evidence)


def stuck(entities: list[Entity], at: datetime, minimum: int) -> Iterator[Hit]:
    """Yield what has lasted longer than its lifecycle says, or else than is usual for its template or its lifecycle.

    The time of a task that has not begun counts from when the last task that it waits for ended well.
    """
    tasks = {entity.id: entity for entity in entities if entity.kind == "task"}
    begun = {entity.task_id for entity in entities if entity.kind == "task_instance"}
    stays: dict[Any, list[timedelta]] = {}
    for entity in entities:
        for event, following in pairwise(entity.entered):
            lasted = following["entered_at"] - event["entered_at"]
            for alike in ((entity.kind, event["status"]), (entity.kind, event["status"], entity.template)):
                stays.setdefault(alike, []).append(lasted)
    for entity in entities:
        own = stays.get((entity.kind, entity.status, entity.template), [])
        usual = own if len(own) >= minimum else stays.get((entity.kind, entity.status), [])
        stated = entity.machine.stuck_after.get(entity.status)
        if entity.is_active and (stated or len(usual) >= minimum):
            upstream = [] if stated or begins(entity, begun) else [tasks[name] for name in entity.upstream]
            if any(one.is_active or one.status in one.machine.failures for one in upstream):
                continue
            counts_from = max(one.last["entered_at"] for one in (entity, *upstream))
            allowed = timedelta(seconds=stated) if stated else max(STUCK_FACTOR * percentile_99(usual), STUCK_FLOOR)
            since = counts_from + allowed
            if since < at:
                yield Hit(entity.name, "stuck", since, (entity.since([entity.status])["position"],))


def begins(entity: Entity, begun: set[str]) -> bool:
    """Return whether an attempt at a task has begun, or it is an attempt."""
    return entity.kind != "task" or entity.id in begun or bool(entity.last["num_attempts"])


def percentile_99(durations: list[timedelta]) -> timedelta:
    """Between the two nearest, as percentile_cont has it."""
    ordered = sorted(durations)
    place = 0.99 * (len(ordered) - 1)
    low, high = ordered[floor(place)], ordered[ceil(place)]
    return low + (high - low) * (place - floor(place))
