"""Verifying: the log against the lifecycles, and every row of the projections against a replay of the log.

All of it is read in one snapshot, in batches, while others go on writing.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Self, TypedDict

from psycopg import Connection
from psycopg.sql import SQL, Identifier

from application.replay.replay import Step, pinned_lifecycles, readable_lifecycle, replayed, unheard
from application.shared.progress import Progress
from application.shared.store import Store
from domain.auditing.mismatch import Mismatch
from domain.auditing.replay import Replay, Replayed
from domain.entities.array import Array
from domain.entities.events import Event, TaskEvent, TaskInstanceEvent
from domain.entities.runner import Runner
from domain.entities.task import Task
from domain.entities.task_instance import TaskInstance
from domain.entity import ARRAY, TASK, TASK_INSTANCE, Entity
from domain.lifecycles import get_lifecycle, shipped
from domain.rules.concurrency import HOLDING
from domain.rules.rulebook import takes_slots
from infrastructure.log.event_log import CHUNK
from infrastructure.sql import query

TRANSITION = "transition"

COLUMNS = {
    TASK: (
        "task_id", "workflow_id", "lifecycle", "lifecycle_version", "template", "array_id", "max_attempts",
        "num_attempts", "instances", "status", "entered_at", "version", "owner", "state", "attributes",
    ),
    TASK_INSTANCE: (
        "task_instance_id", "task_id", "workflow_id", "ordinal", "status", "entered_at", "report_by_date",
        "distributor_id", "version", "array_id", "batch_number", "step",
    ),
    ARRAY: (
        "array_id", "workflow_id", "task_template_version_id", "name", "max_concurrently_running", "last_batch",
        "entered_at", "version",
    ),
    TRANSITION: (
        "position", "entity_kind", "entity_id", "version", "task_id", "workflow_id", "previous_status", "status",
        "entered_at", "reported", "rule", "actor", "num_attempts", "report_by_date",
    ),
}  # fmt: skip
"""The columns of each table, in the order of the `every_...` queries and of the rows that are expected here."""

AUDITS = {TASK: "task_status_audit", TASK_INSTANCE: "task_instance_status_audit"}
"""The views in which people read how long each status lasted."""

MOST_MISMATCHES = 10_000
"""How many are kept: a table of which every row is wrong is not to fill the memory."""

Row = Sequence[Any]


class Verification(TypedDict):
    """How much was replayed, and what is not as it must be; `left_out` counts what is beyond MOST_MISMATCHES."""

    entities: int
    events: int
    mismatches: list[Mismatch]
    left_out: int


class _Mismatches:
    """The first mismatches, and the number of all others."""

    def __init__(self) -> None:
        self.first: list[Mismatch] = []
        self.left_out = 0

    def __iadd__(self, found: Iterable[Mismatch]) -> Self:
        for mismatch in found:
            if len(self.first) < MOST_MISMATCHES:
                self.first.append(mismatch)
            else:
                self.left_out += 1
        return self


def verify(store: Store, progress: Progress = unheard) -> Verification:
    """Replay the log and compare everything that was made from it."""
    with store.database.snapshot(*COLUMNS, *AUDITS.values()) as connection:
        replay = Replay(pinned_lifecycles(connection))
        transitions = _Transitions(_every(connection, TRANSITION))
        events = 0
        mismatches = _Mismatches()
        mismatches += _lifecycles(connection)
        for step in replayed(connection, replay, progress):
            events += 1
            mismatches += step.mismatches
            mismatches += _entered_at(step)
            mismatches += transitions.compare(step)
        mismatches += transitions.left_over()
        entities = len(replay.entities)
        for kind in (TASK, TASK_INSTANCE, ARRAY):
            mismatches += _compare_current(connection, kind, replay.entities)
        mismatches += _slots(connection, replay)
        told = {mismatch.entity for mismatch in mismatches.first}
        for kind in AUDITS:
            mismatches += (wrong for wrong in _intervals(connection, kind) if wrong.entity not in told)
    return {
        "entities": entities,
        "events": events,
        "mismatches": mismatches.first,
        "left_out": mismatches.left_out,
    }


class _Transitions:
    """The rows of the transition table, walked along the log: both are in the order of their positions."""

    def __init__(self, rows: Iterator[Row]) -> None:
        self._rows = rows
        self._next = next(rows, None)

    def compare(self, step: Step) -> Iterator[Mismatch]:
        """What is wrong with the rows up to the step's event."""
        expected = _transition_row(step, step.event) if step.event and _has_row(step.event) else None
        for row in self._up_to(step.logged.position):
            if step.event is None and row[0] == step.logged.position:
                continue  # an event that cannot be read says nothing about its row
            if expected and _key(row) == _key(expected):
                yield from _different(TRANSITION, _entity(expected[1], expected[2]), expected, row)
                expected = None
            else:
                yield _extra(TRANSITION, _entity(row[1], row[2]), row[0])
        if expected:
            yield _missing(TRANSITION, _entity(expected[1], expected[2]), expected[0])

    def left_over(self) -> Iterator[Mismatch]:
        """The rows behind the last event."""
        while (row := self._next) is not None:
            yield _extra(TRANSITION, _entity(row[1], row[2]), row[0])
            self._next = next(self._rows, None)

    def _up_to(self, position: int) -> Iterator[Row]:
        while (row := self._next) is not None and row[0] <= position:
            self._next = next(self._rows, None)
            yield row


def _every(connection: Connection[Any], table: str) -> Iterator[Row]:
    with connection.cursor(name=f"every_{table}", scrollable=False) as cursor:
        cursor.itersize = CHUNK
        cursor.execute(query("projections", f"every_{table}"))
        yield from cursor


def _compare_current(connection: Connection[Any], kind: str, entities: dict[str, Replayed]) -> Iterator[Mismatch]:
    expected = {
        stream: entity
        for stream, entity in entities.items()
        if entity.entity.kind == kind and not isinstance(entity, Runner)
    }
    for row in _every(connection, kind):
        entity = expected.pop(f"{kind}:{row[0]}", None)
        if entity is None:
            yield _extra(kind, _entity(kind, row[0]))
        else:
            yield from _different(kind, str(entity.entity), _current_row(entity), row)
    for entity in expected.values():
        yield _missing(kind, str(entity.entity))


def _lifecycles(connection: Connection[Any]) -> Iterator[Mismatch]:
    """Definitions that are kept with the log, and decide otherwise than what ships under their name and version."""
    for name, version, definition in connection.execute(query("infrastructure", "pinned_lifecycles")).fetchall():
        if name not in shipped() or get_lifecycle(name).version != version:
            continue
        ships = get_lifecycle(name).model_dump(mode="json", by_alias=True)
        kept = readable_lifecycle(definition)
        if kept is None or not kept.has_same_transitions(get_lifecycle(name)):
            text = f"lifecycle {name} version {version} is kept with the log with another definition than it ships with"
            yield Mismatch(f"lifecycle:{name}", "lifecycle.definition", ships, definition, text)


def _intervals(connection: Connection[Any], kind: str) -> Iterator[Mismatch]:
    """What people read in the audit view of that kind, and is not what the log says."""
    statement = SQL(query("projections", "intervals_unlike_the_log"))
    names = {"id": Identifier(f"{kind}_id"), "view": Identifier(AUDITS[kind])}
    # A database may answer as of a time by itself; here it is asked about everything.
    connection.execute("SELECT set_config('sojourn.as_of', '', true)")
    for name, version, position, *times in connection.execute(statement.format(**names), {"kind": kind}):
        expected, found = times[:2], times[2:]
        text = (
            f"sojourn.{AUDITS[kind]} says of {_entity(kind, name)}@{version} that it lasts from {found[0]} "
            f"until {found[1]}, where the log says from {expected[0]} until {expected[1]}"
        )
        yield Mismatch(_entity(kind, name), f"{AUDITS[kind]}.interval", expected, found, text, position)


def _slots(connection: Connection[Any], replay: Replay) -> Iterator[Mismatch]:
    """Slots that are held by what does not go on, or does not carry their tag."""
    for tag, holder in connection.execute(query("infrastructure", "every_slot")):
        task = replay.task(holder)
        if (
            task is None
            or not takes_slots(task)
            or task.status not in HOLDING
            or tag not in (task.attributes or {}).get("tags", ())
        ):
            entity = _entity(TASK, holder)
            status = task.status if task else None
            text = f"sojourn.slot says that {entity} holds a slot of tag {tag!r}, and it is {status or 'unknown'}"
            yield Mismatch(entity, "slot.extra", None, tag, text)


def _entered_at(step: Step) -> Iterator[Mismatch]:
    if step.entity and step.logged.entered_at != step.entity.entered_at:
        expected, found = step.entity.entered_at, step.logged.entered_at
        text = f"{step.logged.stream}@{step.logged.version} says entered_at {found}, not {expected}"
        yield Mismatch(str(step.entity.entity), "entered_at", expected, found, text, step.logged.position)


def _has_row(event: Event) -> bool:
    """Whether the transition table has a row of it: those of tasks and their instances."""
    return event.is_transition and isinstance(event, TaskEvent | TaskInstanceEvent)


def _transition_row(step: Step, event: Event) -> Row:
    kind, _, name = event.stream.partition(":")
    told = vars(event)
    return (
        step.logged.position, kind, name, event.version, told.get("task_id", name), event.workflow_id,
        told.get("previous_status"), event.status,
        step.entity.entered_at if step.entity else step.logged.entered_at,
        told.get("reported"), event.rule, event.actor.component if event.actor else None,
        told.get("num_attempts"), told.get("report_by_date"),
    )  # fmt: skip


def _current_row(entity: Task | TaskInstance | Array) -> Row:
    if isinstance(entity, Task):
        return (
            entity.id, entity.workflow_id, *entity.lifecycle.key, entity.template, entity.array_id,
            entity.max_attempts, entity.num_attempts, entity.instances, entity.status, entity.entered_at,
            entity.version, entity.owner, entity.state and entity.state.model_dump(mode="json", exclude_none=True),
            entity.attributes,
        )  # fmt: skip
    if isinstance(entity, Array):
        return (
            entity.id, entity.workflow_id, entity.task_template_version_id, entity.name,
            entity.max_concurrently_running, entity.last_batch, entity.entered_at, entity.version,
        )  # fmt: skip
    return (
        entity.id, entity.task_id, entity.workflow_id, entity.ordinal, entity.status, entity.entered_at,
        entity.report_by_date, entity.distributor_id, entity.version, *entity.member,
    )  # fmt: skip


def _key(transition: Row) -> Row:
    return transition[:4]


def _entity(kind: str, name: str) -> str:
    return str(Entity(kind, name))


def _different(table: str, entity: str, expected: Row, found: Row) -> Iterator[Mismatch]:
    if tuple(found) == tuple(expected):
        return
    position = expected[0] if table == TRANSITION else None
    for column, must, is_ in zip(COLUMNS[table], expected, found, strict=True):
        if must != is_:
            text = f"sojourn.{table} says {column} {is_} of {entity}, where the log says {must}"
            yield Mismatch(entity, f"{table}.{column}", must, is_, text, position)


def _extra(table: str, entity: str, position: int | None = None) -> Mismatch:
    text = f"sojourn.{table} has a row of {entity}{_at(position)} that the log does not account for"
    return Mismatch(entity, f"{table}.extra", None, "a row", text, position)


def _missing(table: str, entity: str, position: int | None = None) -> Mismatch:
    text = f"sojourn.{table} lacks the row of {entity}{_at(position)}"
    return Mismatch(entity, f"{table}.missing", "a row", None, text, position)


def _at(position: int | None) -> str:
    return f" at position {position}" if position is not None else ""
