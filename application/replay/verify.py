"""Verify the log against the lifecycles, and every row of the projections against a replay of the log.

One snapshot serves all reads, in batches, while writers go on. A log that agrees with everything is known by the
courses of its families, in a fraction of the time that a replay of every event takes; the replay names what is wrong.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple, Self, TypedDict

from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.sql import SQL, Composed, Identifier

from application.replay.courses import Check, judge_courses
from application.replay.other_entities import OtherEntities
from application.replay.replay import (
    Step,
    StreamsSince,
    find_pinned_lifecycles,
    ignore_progress,
    read_events_at,
    read_stored_lifecycle,
    replay_event,
    replay_events,
    replay_since,
)
from application.replay.wrong_sketches import SKETCHES, find_wrong_sketches
from application.replay.wrong_sums import SUMS, find_wrong_sums
from application.seals.verify_seals import NO_TRUST, Chain, Trust, find_sealed_to
from application.shared.progress import Progress
from application.shared.store import Store
from domain.auditing.mismatch import Mismatch
from domain.auditing.replay import LifecycleOf, Replay, Replayed
from domain.entities.array import Array
from domain.entities.erasure import Erasure
from domain.entities.events import Event
from domain.entities.runner import Runner
from domain.entities.task import Task
from domain.entities.task_instance import TaskInstance
from domain.entity import ARRAY, TASK, TASK_INSTANCE, Entity
from domain.lifecycles import get_lifecycle, ships
from domain.rules.concurrency import HOLDING
from domain.rules.rulebook import takes_slots
from domain.time import entry_time
from domain.waits_for import MOST_HOLDERS
from infrastructure.log.event_log import CHUNK
from infrastructure.sql import query

CURRENT = (TASK, TASK_INSTANCE, ARRAY)
"""The tables of current status, each named after the kind of its entities."""

AUDITS = {TASK: "task_status_audit", TASK_INSTANCE: "task_instance_status_audit"}
"""The views in which people read how long each status lasted."""

MOST_MISMATCHES = 10_000
"""How many mismatches are kept, so that a table with every row wrong does not fill the memory."""

Row = Mapping[str, Any]
"""A row by the names of its columns, which the database knows."""


class Verification(TypedDict):
    """The number of verified entities and events, and the mismatches; `left_out` counts those over MOST_MISMATCHES.

    `sealed_to` is the last sealed position, and `root` the root of its seal. `trusted_to` is the position of the last
    seal which a root or a key proves that was kept outside; None where none was given. What was verified came after the
    position `since`.
    """

    entities: int
    events: int
    mismatches: list[Mismatch]
    left_out: int
    sealed_to: int
    trusted_to: int | None
    root: str | None
    since: int


class _Extent(NamedTuple):
    """What is verified: what came after a position, and the streams that have it; without streams, everything."""

    after: int = 0
    streams: StreamsSince | None = None

    def has(self, stream: str) -> bool:
        """Return whether all of a stream is read."""
        return self.streams is None or stream in self.streams.whole

    def ids(self, kind: str) -> list[str] | None:
        """Return the ids of the entities of a kind, or None for every one."""
        if self.streams is None:
            return None
        return [stream.removeprefix(f"{kind}:") for stream in self.streams.whole if stream.startswith(f"{kind}:")]


class _Mismatches:
    """The first mismatches, and the number of the others."""

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


def verify_log(
    store: Store, progress: Progress = ignore_progress, trust: Trust = NO_TRUST, since: bytes | None = None
) -> Verification:
    """Compare the log with itself, and every projection and every seal with it. The seals must lead to what is trusted.

    With `since`, the root of the last seal that was verified, only what came after that seal is verified. Where no seal
    has that root, everything is, and the root is a mismatch.
    """
    with _snapshot(store) as connection:
        extent = _find_extent(connection, since)
        if extent.after:
            return _verify_by_replay(connection, trust, extent, progress)
        trust = trust if trust.root else trust._replace(root=since)
        verification = _verify_by_courses(store, connection, trust, progress)
        return verification or _verify_by_replay(connection, trust, extent, progress)


def verify_by_courses(
    store: Store, progress: Progress = ignore_progress, trust: Trust = NO_TRUST
) -> Verification | None:
    """Verify all by the courses of families, and return None where there is a doubt that only a replay resolves."""
    with _snapshot(store) as connection:
        return _verify_by_courses(store, connection, trust, progress)


def verify_by_replay(store: Store, progress: Progress = ignore_progress, trust: Trust = NO_TRUST) -> Verification:
    """Verify all by a replay of every event."""
    with _snapshot(store) as connection:
        return _verify_by_replay(connection, trust, _Extent(), progress)


def _snapshot(store: Store) -> AbstractContextManager[Connection[Any]]:
    return store.database.snapshot(*CURRENT, *EXPECTED_ROWS, *AUDITS.values(), SKETCHES, *SUMS)


def _verify_by_courses(
    store: Store, connection: Connection[Any], trust: Trust, progress: Progress
) -> Verification | None:
    chain, others, lifecycle_of = Chain(trust), _OthersWithRows(), find_pinned_lifecycles(connection)
    checks = [*_checks_of_all(chain), others.agree]
    judged = judge_courses(store, connection, checks, partial(_agree, lifecycle_of), progress)
    if judged is None:
        return None
    row = connection.execute(query("projections", "verify/count_entities")).fetchone()
    if row != (judged.tasks, judged.instances):
        return None
    events = judged.events + others.events
    progress(events, events)
    entities = judged.tasks + judged.instances + others.entities
    return _state(events, entities, _Mismatches(), chain, _Extent())


def _checks_of_all(chain: Chain) -> Iterator[Check]:
    """Yield the checks of everything that is not compared by families."""
    yield lambda connection: not any(chain.compare(connection))
    for kind in AUDITS:
        yield partial(_has_intervals_of_log, kind)
    yield lambda connection: not any(find_wrong_sums(connection))
    yield lambda connection: not any(find_wrong_sketches(connection))
    yield lambda connection: not any(_columns(connection, 0))
    yield lambda connection: not _differ(connection, "verify/differ_waits", {"most_holders": MOST_HOLDERS})
    yield lambda connection: not _differ(connection, "verify/differ_dependencies")
    yield lambda connection: not any(_lifecycles(connection))
    yield lambda connection: not any(_checkpoints(connection))
    yield lambda connection: not any(_slots_of_holders(connection))


def _has_intervals_of_log(kind: str, connection: Connection[Any]) -> bool:
    return not any(_intervals(connection, kind, _Extent()))


def _agree(lifecycle_of: LifecycleOf, connection: Connection[Any], positions: Sequence[int]) -> bool:
    """Return whether the events at some positions, of whole families, are legal, and their current status is right.

    The database has compared causes, and `OtherEntities` the places in arrays.
    """
    replay = Replay(lifecycle_of)
    for logged in read_events_at(connection, positions):
        step = replay_event(replay, logged)
        if any(wrong.what not in ("cause", "array") for wrong in step.mismatches) or any(_entered_at(step)):
            return False
    extent = _Extent(streams=StreamsSince(frozenset(replay.entities), frozenset()))
    kinds = (TASK, TASK_INSTANCE)
    return not any(any(_compare_current(connection, kind, replay.entities, extent)) for kind in kinds)


class _OthersWithRows(OtherEntities):
    """The other entities, whose times of entry and rows of current status are compared too."""

    def is_right(self, step: Step) -> bool:
        """Return whether an event is legal, and has the time of entry that a replay comes to."""
        return super().is_right(step) and not any(_entered_at(step))

    def have_right_rows(self, connection: Connection[Any], entities: Mapping[str, Replayed]) -> bool:
        """Return whether the current status of arrays is right."""
        return not any(_compare_current(connection, ARRAY, entities, _Extent()))


def _slots_of_holders(connection: Connection[Any]) -> Iterator[Mismatch]:
    """Yield the mismatches of slots after a replay of their holders."""
    holders = {f"{TASK}:{holder}" for _, holder in connection.execute(query("infrastructure", "slots/every_slot"))}
    replay = Replay(find_pinned_lifecycles(connection))
    if holders:
        for _ in replay_since(connection, replay, 0, StreamsSince(frozenset(holders), frozenset()), ignore_progress):
            pass
    return _slots(connection, replay)


def _verify_by_replay(connection: Connection[Any], trust: Trust, extent: _Extent, progress: Progress) -> Verification:
    chain = Chain(trust)
    replay = Replay(find_pinned_lifecycles(connection))
    mismatches = _Mismatches()
    mismatches += _lifecycles(connection)
    events = _compare_log(connection, replay, mismatches, extent, progress)
    mismatches += _columns(connection, extent.after)
    entities = sum(map(extent.has, replay.entities))
    for kind in CURRENT:
        mismatches += _compare_current(connection, kind, replay.entities, extent)
    mismatches += _slots(connection, replay)
    mismatches += _checkpoints(connection)
    mismatches += chain.compare(connection, extent.after)
    _compare_audits(connection, mismatches, extent)
    if not extent.after:
        mismatches += find_wrong_sketches(connection)
        mismatches += find_wrong_sums(connection)
    return _state(events, entities, mismatches, chain, extent)


def _state(events: int, entities: int, mismatches: _Mismatches, chain: Chain, extent: _Extent) -> Verification:
    return {
        "entities": entities,
        "events": events,
        "mismatches": mismatches.first,
        "left_out": mismatches.left_out,
        "sealed_to": chain.sealed_to,
        "trusted_to": chain.trusted_to,
        "root": chain.root.hex() if chain.sealed_to else None,
        "since": extent.after,
    }


def _find_extent(connection: Connection[Any], since: bytes | None) -> _Extent:
    after = find_sealed_to(connection, since) if since else 0
    if not after:
        return _Extent()
    rows = connection.execute(query("projections", "verify/streams_since"), {"after": after}).fetchall()
    whole = frozenset(stream for stream, is_whole in rows if is_whole)
    return _Extent(after, StreamsSince(whole, frozenset(stream for stream, _ in rows) - whole))


def _compare_log(
    connection: Connection[Any], replay: Replay, mismatches: _Mismatches, extent: _Extent, progress: Progress
) -> int:
    """Replay the events, compare the rows that come from each, and return the number of events."""
    tables = [_RowsOfEvents(table, _rows_of_events(connection, table, extent.after)) for table in EXPECTED_ROWS]
    events = 0
    for step in _replay(connection, replay, extent, progress):
        events += 1
        mismatches += step.mismatches
        mismatches += _entered_at(step)
        for table in tables:
            mismatches += table.compare(step)
    for table in tables:
        mismatches += table.left_over()
    return events


def _replay(connection: Connection[Any], replay: Replay, extent: _Extent, progress: Progress) -> Iterator[Step]:
    if extent.streams is None:
        return replay_events(connection, replay, progress)
    return replay_since(connection, replay, extent.after, extent.streams, progress)


def _compare_audits(connection: Connection[Any], mismatches: _Mismatches, extent: _Extent) -> None:
    """Compare the audit views, but not for entities with a mismatch already, because it explains their intervals."""
    known = {mismatch.entity for mismatch in mismatches.first}
    for kind in AUDITS:
        mismatches += (wrong for wrong in _intervals(connection, kind, extent) if wrong.entity not in known)


def _differ(connection: Connection[Any], name: str, wanted: Row | None = None) -> bool:
    row = connection.execute(query("projections", name), wanted).fetchone()
    assert row is not None
    return bool(row[0])


class _RowsOfEvents:
    """Walks a table whose rows each come from one event along the log: both are in the order of their positions."""

    def __init__(self, table: str, rows: Iterator[Row]) -> None:
        self._table = table
        self._rows = rows
        self._next = next(rows, None)

    def compare(self, step: Step) -> Iterable[Mismatch]:
        """Return the mismatches of the rows up to the event of `step`."""
        rows = list(EXPECTED_ROWS[self._table](step, step.event)) if step.event else []
        if not rows and (self._next is None or self._next["position"] > step.logged.position):
            return ()
        return self._compare_rows(step, {_key(row): row for row in rows})

    def _compare_rows(self, step: Step, expected: dict[tuple[Any, ...], Row]) -> Iterator[Mismatch]:
        for row in self._up_to(step.logged.position):
            if step.event is None and row["position"] == step.logged.position:
                continue  # an event that cannot be read says nothing about its row
            of_event = expected.pop(_key(row), None)
            if of_event is None:
                yield _extra(self._table, _entity_of(row), row["position"])
            else:
                yield from _different(self._table, _entity_of(row), of_event, row)
        for row in expected.values():
            yield _missing(self._table, _entity_of(row), row["position"])

    def left_over(self) -> Iterator[Mismatch]:
        """Yield a mismatch for each row after the last event."""
        while (row := self._next) is not None:
            yield _extra(self._table, _entity_of(row), row["position"])
            self._next = next(self._rows, None)

    def _up_to(self, position: int) -> Iterator[Row]:
        while (row := self._next) is not None and row["position"] <= position:
            self._next = next(self._rows, None)
            yield row


def _rows_of_events(connection: Connection[Any], table: str, after: int) -> Iterator[Row]:
    statement = SQL(query("projections", "verify/rows_after")).format(table=Identifier(table))
    return _read_rows(connection, table, statement, {"after": after})


def _read_rows(connection: Connection[Any], table: str, statement: Composed, wanted: Row) -> Iterator[Row]:
    with connection.cursor(name=f"rows_of_{table}", scrollable=False, row_factory=dict_row) as cursor:
        cursor.itersize = CHUNK
        yield from cursor.execute(statement, wanted)


def _compare_current(
    connection: Connection[Any], kind: str, entities: Mapping[str, Replayed], extent: _Extent
) -> Iterator[Mismatch]:
    """Yield the mismatches between a table of current status and the replayed entities of its kind."""
    expected = {
        stream: entity
        for stream, entity in entities.items()
        if entity.entity.kind == kind and not isinstance(entity, Runner | Erasure) and extent.has(stream)
    }
    statement = SQL(query("projections", "verify/rows_of_entities")).format(
        table=Identifier(kind), key=Identifier(f"{kind}_id")
    )
    for row in _read_rows(connection, kind, statement, {"ids": extent.ids(kind)}):
        entity_id = row[f"{kind}_id"]
        entity = expected.pop(f"{kind}:{entity_id}", None)
        if entity is None:
            yield _extra(kind, _entity(kind, entity_id))
        else:
            yield from _different(kind, str(entity.entity), _current_row(entity), row)
    for entity in expected.values():
        yield _missing(kind, str(entity.entity))


def _lifecycles(connection: Connection[Any]) -> Iterator[Mismatch]:
    """Yield a mismatch for each stored lifecycle that decides differently from the shipped one of its name."""
    for name, version, definition in connection.execute(query("infrastructure", "lifecycles/every_pinned")).fetchall():
        if not ships(name, version):
            continue
        shipped = get_lifecycle(name, version)
        kept = read_stored_lifecycle(definition)
        if kept is None or not kept.has_same_transitions(shipped):
            text = f"lifecycle {name} version {version} is kept with the log with another definition than it ships with"
            expected = shipped.model_dump(mode="json", by_alias=True)
            yield Mismatch(f"lifecycle:{name}", "lifecycle.definition", expected, definition, text)


def _intervals(connection: Connection[Any], kind: str, extent: _Extent) -> Iterator[Mismatch]:
    """Yield the intervals of an audit view that differ from the log."""
    statement = SQL(query("projections", "verify/wrong_intervals"))
    names = {"id": Identifier(f"{kind}_id"), "view": Identifier(AUDITS[kind])}
    # A database may set sojourn.as_of for its sessions; this check reads everything.
    connection.execute("SELECT set_config('sojourn.as_of', '', true)")
    wanted = {"kind": kind, "ids": extent.ids(kind)}
    for name, version, position, *times in connection.execute(statement.format(**names), wanted):
        expected, found = times[:2], times[2:]
        text = (
            f"sojourn.{AUDITS[kind]} says of {_entity(kind, name)}@{version} that it lasts from {found[0]} "
            f"until {found[1]}, where the log says from {expected[0]} until {expected[1]}"
        )
        yield Mismatch(_entity(kind, name), f"{AUDITS[kind]}.interval", expected, found, text, position)


def _slots(connection: Connection[Any], replay: Replay) -> Iterator[Mismatch]:
    """Yield the slots whose holder is not running or does not carry their tag."""
    for tag, holder in connection.execute(query("infrastructure", "slots/every_slot")):
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


def _checkpoints(connection: Connection[Any]) -> Iterator[Mismatch]:
    """Yield the subscriptions that have read events which the log no longer has."""
    for name, position, last in connection.execute(query("infrastructure", "subscriptions/beyond_the_log")):
        text = f"subscription {name!r} has read up to position {position}, and the log ends at {last}: events are gone"
        yield Mismatch(f"subscription:{name}", "checkpoint.position", last, position, text)


def _columns(connection: Connection[Any], after: int) -> Iterator[Mismatch]:
    """Yield the events after a position whose columns say something else than their JSON."""
    rows = connection.execute(query("projections", "verify/wrong_columns"), {"after": after})
    for position, stream, column, expected, found in rows:
        text = f"sojourn.stored_event says {column} {found} at position {position}, where its JSON says {expected}"
        kind, _, name = stream.partition(":")
        yield Mismatch(_entity(kind, name), f"stored_event.{column}", expected, found, text, position)


def _entered_at(step: Step) -> Iterator[Mismatch]:
    if step.entity and step.logged.entered_at != step.entity.entered_at:
        expected, found = step.entity.entered_at, step.logged.entered_at
        text = f"{step.logged.stream}@{step.logged.version} says entered_at {found}, not {expected}"
        yield Mismatch(str(step.entity.entity), "entered_at", expected, found, text, step.logged.position)


def _dependency_rows(step: Step, event: Event) -> Iterator[Row]:
    for upstream_id in vars(event).get("upstream") or ():
        yield {
            "position": step.logged.position,
            "task_id": event.stream.partition(":")[2],
            "upstream_id": upstream_id,
            "workflow_id": event.workflow_id,
            "since": _stated_at(step, event),
        }


def _wait_rows(step: Step, event: Event) -> Iterator[Row]:
    if event.waits_for is None:
        return
    holders = event.waits_for.holders
    yield {
        **_of_entity(step, event),
        "since": _stated_at(step, event),
        "kind": event.waits_for.kind.value,
        "detail": event.waits_for.detail,
        "holders": None if holders is None else list(holders),
    }


def _of_entity(step: Step, event: Event) -> dict[str, Any]:
    """Return the columns that say which event of which entity a row comes from, and in which status it leaves it."""
    kind, _, entity_id = event.stream.partition(":")
    return {
        "position": step.logged.position,
        "entity_kind": kind,
        "entity_id": entity_id,
        "version": event.version,
        "task_id": vars(event).get("task_id", entity_id),
        "workflow_id": event.workflow_id,
        "status": event.status,
    }


def _stated_at(step: Step, event: Event) -> datetime | None:
    entered_at = step.entity.entered_at if step.entity else step.logged.entered_at
    return entry_time(event.effective_at, entered_at) if event.effective_at else entered_at


EXPECTED_ROWS: Mapping[str, Callable[[Step, Event], Iterator[Row]]] = {
    "dependency": _dependency_rows,
    "wait": _wait_rows,
}
"""The tables whose rows each come from one event -> the rows that an event accounts for."""


def _current_row(entity: Task | TaskInstance | Array) -> Row:
    if isinstance(entity, Task):
        return _task_row(entity)
    if isinstance(entity, TaskInstance):
        return _task_instance_row(entity)
    return {
        "array_id": entity.id,
        "workflow_id": entity.workflow_id,
        "task_template_version_id": entity.task_template_version_id,
        "name": entity.name,
        "max_concurrently_running": entity.max_concurrently_running,
        "last_batch": entity.last_batch,
        "entered_at": entity.entered_at,
        "version": entity.version,
    }


def _task_row(task: Task) -> Row:
    return {
        "task_id": task.id,
        "workflow_id": task.workflow_id,
        "lifecycle": task.lifecycle.name,
        "lifecycle_version": task.lifecycle.version,
        "template": task.template,
        "array_id": task.array_id,
        "max_attempts": task.max_attempts,
        "num_attempts": task.num_attempts,
        "instances": task.instances,
        "status": task.status,
        "entered_at": task.entered_at,
        "version": task.version,
        "owner": task.owner,
        "state": task.state and task.state.model_dump(mode="json", exclude_none=True),
        "attributes": task.attributes,
        "parent_id": task.parent_id,
    }


def _task_instance_row(instance: TaskInstance) -> Row:
    return {
        "task_instance_id": instance.id,
        "task_id": instance.task_id,
        "workflow_id": instance.workflow_id,
        "ordinal": instance.ordinal,
        "status": instance.status,
        "entered_at": instance.entered_at,
        "report_by_date": instance.report_by_date,
        "distributor_id": instance.distributor_id,
        "version": instance.version,
        "array_id": instance.member.array_id,
        "batch_number": instance.member.batch_number,
        "step": instance.member.step,
    }


def _key(row: Row) -> tuple[Any, ...]:
    if "upstream_id" in row:
        return row["position"], row["task_id"], row["upstream_id"]
    return row["position"], row["entity_kind"], row["entity_id"], row["version"]


def _entity_of(row: Row) -> str:
    return _entity(row.get("entity_kind", TASK), row.get("entity_id", row["task_id"]))


def _entity(kind: str, name: str) -> str:
    return str(Entity(kind, name))


def _different(table: str, entity: str, expected: Row, found: Row) -> Iterator[Mismatch]:
    """Yield a mismatch for each column of the table whose value is not the expected one."""
    if found == expected:
        return
    position = expected.get("position")
    for column, value in found.items():
        if value != expected[column]:
            text = f"sojourn.{table} says {column} {value} of {entity}, where the log says {expected[column]}"
            yield Mismatch(entity, f"{table}.{column}", expected[column], value, text, position)


def _extra(table: str, entity: str, position: int | None = None) -> Mismatch:
    text = f"sojourn.{table} has a row of {entity}{_at(position)} that the log does not account for"
    return Mismatch(entity, f"{table}.extra", None, "a row", text, position)


def _missing(table: str, entity: str, position: int | None = None) -> Mismatch:
    text = f"sojourn.{table} lacks the row of {entity}{_at(position)}"
    return Mismatch(entity, f"{table}.missing", "a row", None, text, position)


def _at(position: int | None) -> str:
    return f" at position {position}" if position is not None else ""
