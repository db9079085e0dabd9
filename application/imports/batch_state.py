"""What the log has of the entities that a batch of lines is about: locked, until the batch's transaction ends."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from psycopg import Connection

from application.imports.bounded_cache import BoundedCache
from application.imports.change import (
    MOVES,
    AttemptKey,
    Change,
    CreateInstance,
    Move,
    MoveInstance,
    MoveTask,
    ResetTask,
)
from application.imports.known_moves import ForeignReports, ReportedMove
from application.shared.current_status import OnLocked
from application.shared.store import Store
from domain.entities.task import Task
from domain.entities.task_instance import TaskInstance
from infrastructure.log.commands import known_commands
from infrastructure.sql import query


class CascadedStatus(NamedTuple):
    """A status and since when."""

    status: str
    entered_at: datetime


@dataclass(frozen=True, slots=True)
class BatchState:
    """Tasks and instances by their ids, attempts by their beginning, and which command ids are known.

    `caused` has, for each task, the statuses that it entered because of its instances since the last one that was
    proposed for itself; `heard` what others have told of those about whom there is news.
    """

    tasks: dict[str, Task]
    instances: dict[str, TaskInstance]
    attempts: dict[AttemptKey, str]
    caused: dict[str, tuple[CascadedStatus, ...]]
    known: set[str] = field(default_factory=set)
    heard: ForeignReports = field(default_factory=ForeignReports)

    def has(self, move: Move) -> bool:
        """Whether the log has what is to move."""
        if not isinstance(move, MoveInstance):
            return move.task_id in self.tasks
        return move.instance in (self.instances if isinstance(move.instance, str) else self.attempts)

    def read_told(
        self, connection: Connection[Any], moves: Sequence[tuple[Move, str]], begun: BoundedCache[str, bool]
    ) -> None:
        """Read which of those moves, each with its command id, the log knows: what is not there was never told of."""
        there = [(move, command_id) for move, command_id in moves if self.has(move)]
        if there:
            self.known.update(known_commands(connection, [command_id for _, command_id in there]))
        news = {
            ReportedMove.by(move, self.attempts).stream for move, command_id in there if command_id not in self.known
        }
        if others := [stream for stream in news if not begun.get(stream)]:
            self.heard.read(connection, others)


def load_batch_state(
    store: Store,
    connection: Connection[Any],
    proposals: Sequence[Change],
    command_ids: Iterable[str],
    begun: BoundedCache[str, bool],
) -> BatchState:
    """Lock what those proposals are about, instances before tasks; raises 55P03 where others hold any of it.

    `command_ids` are those of the moves among them, in order; `begun` are the streams that the import has begun.
    """
    attempts = _attempts(connection, proposals)
    to_end = _ended_by_resets(store, connection, proposals)
    instances = [*attempts.values(), *_instance_ids(proposals), *to_end]
    families = store.status.lock_families(connection, _unique(instances), OnLocked.NOWAIT)
    tasks = {task.id: task for _, task in families}
    others = [name for name in _task_ids(proposals) if name not in tasks]
    tasks |= {task.id: task for task in store.status.lock_tasks(connection, others, OnLocked.NOWAIT)}
    found = BatchState(
        tasks,
        {instance.id: instance for instance, _ in families},
        attempts,
        _caused(connection, [name for name in _moved_tasks(proposals) if name in tasks]),
    )
    moves = (said for said in proposals if isinstance(said, MOVES))
    found.read_told(connection, list(zip(moves, command_ids, strict=True)), begun)
    return found


def _attempts(connection: Connection[Any], proposals: Iterable[Change]) -> dict[AttemptKey, str]:
    tasks = _unique(reference.task_id for reference in _references(proposals) if isinstance(reference, AttemptKey))
    if not tasks:
        return {}
    rows = connection.execute(query("projections", "imports/attempts_of_tasks"), [tasks])
    return {AttemptKey(task_id, begun_at): name for task_id, begun_at, name in rows}


def _ended_by_resets(store: Store, connection: Connection[Any], proposals: Iterable[Change]) -> list[str]:
    tasks = _unique(said.task_id for said in proposals if isinstance(said, ResetTask))
    return [instance.id for instance in store.status.lock_instances_of(connection, tasks)] if tasks else []


def _caused(connection: Connection[Any], tasks: list[str]) -> dict[str, tuple[CascadedStatus, ...]]:
    if not tasks:
        return {}
    caused: dict[str, list[CascadedStatus]] = defaultdict(list)
    for task_id, status, entered_at in connection.execute(query("projections", "imports/caused_statuses"), [tasks]):
        caused[task_id].append(CascadedStatus(status, entered_at))
    return {task_id: tuple(entered) for task_id, entered in caused.items()}


def _references(proposals: Iterable[Change]) -> Iterable[str | AttemptKey]:
    return (said.instance for said in proposals if isinstance(said, CreateInstance | MoveInstance))


def _instance_ids(proposals: Iterable[Change]) -> list[str]:
    return [reference for reference in _references(proposals) if isinstance(reference, str)]


def _task_ids(proposals: Iterable[Change]) -> list[str]:
    return _unique(said.task_id for said in proposals if not isinstance(said, MoveInstance))


def _moved_tasks(proposals: Iterable[Change]) -> list[str]:
    return _unique(said.task_id for said in proposals if isinstance(said, MoveTask))


def _unique(ids: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(ids))
