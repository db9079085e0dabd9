"""The state of the entities that a batch of lines is about, locked until the batch's transaction ends."""

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from psycopg import Connection

from application.imports.array_part import REST, ArrayPart
from application.imports.batch_links import BatchLinks, linked_tasks, load_links
from application.imports.bounded_cache import BoundedCache
from application.imports.change import (
    MOVES,
    AttemptKey,
    Change,
    CreateInstance,
    Move,
    MoveInstance,
    MoveTask,
    RegisterTask,
    ResetTask,
    SplitArray,
)
from application.imports.known_moves import KnownMoves, ReportedMove
from application.shared.current_status import OnLocked
from application.shared.entry_clocks import read_clocks
from application.shared.store import Store
from application.shared.suggestions import find_each_archived
from domain.entities.task import Task
from domain.entities.task_instance import TaskInstance
from domain.entity import TASK, TASK_INSTANCE
from domain.errors import Archived
from infrastructure.sql import query


class CascadedStatus(NamedTuple):
    """A status that a task entered because of its instance, and when."""

    status: str
    entered_at: datetime


@dataclass(frozen=True, slots=True)
class BatchState:
    """Tasks and instances by id, the ids of attempts, and the moves that the log knows.

    `cascades` has, for each task, the statuses that it entered because of its instances since it was last moved itself.
    `array_parts` are the tasks that are parts of the arrays of a batch, and when each was submitted. `archived` has the
    error for each stream, or `workflow:ID`, of a batch that is in an archive.
    """

    tasks: dict[str, Task]
    instances: dict[str, TaskInstance]
    attempts: dict[AttemptKey, str]
    cascades: dict[str, tuple[CascadedStatus, ...]]
    known_moves: KnownMoves = field(default_factory=KnownMoves)
    array_parts: dict[str, datetime] = field(default_factory=dict)
    links: BatchLinks = field(default_factory=BatchLinks)
    archived: Mapping[str, Archived] = field(default_factory=dict)

    def load_known_moves(
        self, connection: Connection[Any], moves: Sequence[tuple[Move, str]], new_streams: BoundedCache[str, bool]
    ) -> None:
        """Read which of `moves`, each with its command id, the log knows.

        Moves of entities that neither the log nor an archive has cannot be known; the commands of imports stay in the
        log. Others can have reported only about entities that this import did not create itself, which are those
        outside `new_streams`.
        """
        possible = [
            (move, command_id) for move, command_id in moves
            if self._has_entity_of(move) or ReportedMove.of(move, self.attempts).stream in self.archived
        ]  # fmt: skip
        if possible:
            self.known_moves.load_command_ids(connection, [command_id for _, command_id in possible])
        unknown = [move for move, command_id in possible if not self.known_moves.has_command(command_id)]
        streams = {ReportedMove.of(move, self.attempts).stream for move in unknown}
        if older := [stream for stream in streams if not new_streams.get(stream)]:
            self.known_moves.load_reports(connection, older)

    def _has_entity_of(self, move: Move) -> bool:
        if not isinstance(move, MoveInstance):
            return move.task_id in self.tasks
        return move.instance in (self.instances if isinstance(move.instance, str) else self.attempts)


def load_batch_state(
    store: Store,
    connection: Connection[Any],
    changes: Sequence[Change],
    command_ids: Iterable[str],
    new_streams: BoundedCache[str, bool],
) -> BatchState:
    """Lock and read the entities that `changes` are about, instances before tasks.

    `command_ids` are the ids of the moves among the changes, in their order.

    Raises:
        psycopg.errors.LockNotAvailable: another transaction holds one of the entities.
    """
    attempts = _load_attempts(connection, changes)
    to_end = [
        *_lock_instances_of_resets(store, connection, changes),
        *_lock_instances_of_rests(store, connection, changes),
    ]
    instances = [*attempts.values(), *_instance_ids(changes), *to_end]
    families = store.status.lock_families(connection, _unique(instances), OnLocked.NOWAIT)
    tasks = {task.id: task for _, task in families}
    others = [task_id for task_id in _task_ids(changes) if task_id not in tasks]
    tasks |= {task.id: task for task in store.status.lock_tasks(connection, others, OnLocked.NOWAIT)}
    links = load_links(connection, changes)
    earliest = min((change.at for change in changes), default=None)
    state = BatchState(
        {task.id: task for task in read_clocks(connection, list(tasks.values()), earliest)},
        {each.id: each for each in read_clocks(connection, [instance for instance, _ in families], earliest)},
        attempts,
        _load_cascades(connection, [task_id for task_id in _moved_task_ids(changes) if task_id in tasks]),
        array_parts=_load_array_parts(connection, changes, tasks),
        links=links,
        archived=_load_archived(
            connection,
            changes,
            {
                *(f"{TASK}:{task_id}" for task_id in (*tasks, *links.existing)),
                *(instance.stream for instance, _ in families),
            },
        ),
    )
    moves = (change for change in changes if isinstance(change, MOVES))
    state.load_known_moves(connection, list(zip(moves, command_ids, strict=True)), new_streams)
    return state


def _load_attempts(connection: Connection[Any], changes: Iterable[Change]) -> dict[AttemptKey, str]:
    tasks = _unique(key.task_id for key in _instances_of(changes) if isinstance(key, AttemptKey))
    if not tasks:
        return {}
    rows = connection.execute(query("projections", "imports/attempts_of_tasks"), [tasks])
    return {AttemptKey(task_id, begun_at): instance_id for task_id, begun_at, instance_id in rows}


def _lock_instances_of_resets(store: Store, connection: Connection[Any], changes: Iterable[Change]) -> list[str]:
    tasks = _unique(change.task_id for change in changes if isinstance(change, ResetTask))
    return [instance.id for instance in store.status.lock_instances_of(connection, tasks)] if tasks else []


def _lock_instances_of_rests(store: Store, connection: Connection[Any], changes: Iterable[Change]) -> list[str]:
    arrays = _arrays_of(change.task_id for change in changes if isinstance(change, SplitArray))
    if not arrays:
        return []
    rests = [task_id for (task_id,) in connection.execute(query("projections", "imports/rests_of_arrays"), [arrays])]
    return [instance.id for instance in store.status.lock_instances_of(connection, rests)] if rests else []


def _load_array_parts(
    connection: Connection[Any], changes: Iterable[Change], tasks: Mapping[str, Task]
) -> dict[str, datetime]:
    """Return the rests of a batch's arrays, and all parts of the arrays of which it has a rest that may still wait."""
    parts = {task_id: task.entered_at for task_id, task in tasks.items() if REST in task_id and task.entered_at}
    split = (change.task_id for change in changes if isinstance(change, SplitArray) and REST in change.task_id)
    waiting = [task_id for task_id in split if task_id not in tasks or not _has_ended(tasks[task_id])]
    if waiting:
        parts |= dict(connection.execute(query("projections", "imports/parts_of_arrays"), [_arrays_of(waiting)]))
    return parts


def _load_archived(
    connection: Connection[Any], changes: Sequence[Change], known: Container[str]
) -> dict[str, Archived]:
    """Return the error for each task, instance and workflow of the changes that is in an archive."""
    tasks = [f"{TASK}:{task_id}" for task_id in _unique((*_task_ids(changes), *linked_tasks(changes)))]
    instances = [f"{TASK_INSTANCE}:{instance_id}" for instance_id in _unique(_instance_ids(changes))]
    unknown = [stream for stream in (*tasks, *instances) if stream not in known]
    workflows = _unique(change.workflow_id for change in changes if isinstance(change, RegisterTask))
    return find_each_archived(connection, unknown, workflows)


def _has_ended(task: Task) -> bool:
    return task.lifecycle.task.is_terminal(task.status)


def _arrays_of(task_ids: Iterable[str]) -> list[str]:
    return _unique(part.array for part in map(ArrayPart.parse, task_ids) if part)


def _load_cascades(connection: Connection[Any], tasks: list[str]) -> dict[str, tuple[CascadedStatus, ...]]:
    if not tasks:
        return {}
    cascades: dict[str, list[CascadedStatus]] = defaultdict(list)
    for task_id, status, entered_at in connection.execute(query("projections", "imports/caused_statuses"), [tasks]):
        cascades[task_id].append(CascadedStatus(status, entered_at))
    return {task_id: tuple(statuses) for task_id, statuses in cascades.items()}


def _instances_of(changes: Iterable[Change]) -> Iterable[str | AttemptKey]:
    return (change.instance for change in changes if isinstance(change, CreateInstance | MoveInstance))


def _instance_ids(changes: Iterable[Change]) -> list[str]:
    return [instance for instance in _instances_of(changes) if isinstance(instance, str)]


def _task_ids(changes: Iterable[Change]) -> list[str]:
    return _unique(change.task_id for change in changes if not isinstance(change, MoveInstance))


def _moved_task_ids(changes: Iterable[Change]) -> list[str]:
    return _unique(change.task_id for change in changes if isinstance(change, MoveTask))


def _unique(ids: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(ids))
