"""The batches of an array: queued, launched and killed as one, in the transaction of a connection.

The array is locked before anything else, so that two batches never share a number. What workers hold of a batch is
tried for again and again, while the rest stays locked.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, cast

from psycopg import Connection
from psycopg.rows import dict_row

from application.shared.current_status import OnLocked, database_now, existing_ids
from application.shared.store import Store, chunked
from application.shared.suggestions import unknown_entity
from application.write.answers import BatchMember, EmptyAnswer, QueueBatchAnswer, SubmittedAnswer
from application.write.bulk_transition import append, lock_in_passes
from domain.decisions.decide import decide, decide_in_turn
from domain.decisions.decision import Decision, Family
from domain.decisions.proposals import GateRequest, InstanceCreation, InstanceReport
from domain.entities.array import Array
from domain.entities.events import Event
from domain.entities.task import Task
from domain.entities.task_instance import TaskInstance
from domain.entity import ARRAY, TASK, Entity, check_id
from domain.errors import NotOfArray, UnknownBatch, WrongLifecycle
from domain.report_context import ReportContext
from infrastructure.sql import query

LAUNCHED, KILL_SELF, ERROR_FATAL = "LAUNCHED", "KILL_SELF", "ERROR_FATAL"


@dataclass(frozen=True, slots=True)
class Submission:
    """The id that the cluster has given an instance, and where it writes what it prints, if that is told."""

    distributor_id: str
    stdout: str | None = None
    stderr: str | None = None


def find_array(store: Store, connection: Connection[Any], array_id: str, *, lock: bool = False) -> Array:
    """The array of that id; raises UnknownEntity."""
    array = store.status.array(connection, array_id, lock=lock)
    if array is None:
        raise unknown_entity(connection, Entity(ARRAY, array_id))
    return array


def queue(
    store: Store,
    connection: Connection[Any],
    array_id: str,
    task_ids: Sequence[str],
    report: ReportContext,
    *,
    task_resources_id: str | None = None,
    workflow_run_id: str | None = None,
) -> QueueBatchAnswer:
    """Let tasks pass the gate, and queue an instance of each that does as the array's next batch.

    Raises UnknownEntity and NotOfArray, WrongLifecycle where a task's has no gate or no instances.
    """
    array = find_array(store, connection, array_id, lock=True)
    check_tasks(connection, array, task_ids)
    queueing = Queueing(store, connection, array, report)
    for ids in chunked(task_ids):
        queueing.take(ids)
    array = queueing.array
    if array.members:
        queued = array.queue_batch(report, task_resources_id=task_resources_id, workflow_run_id=workflow_run_id)
        copy_events(store, connection, [queued], [array])
    by_status: dict[str, list[str]] = {}
    for task_id in dict.fromkeys(task_ids):
        by_status.setdefault(queueing.statuses[task_id], []).append(task_id)
    return {"tasks_by_status": by_status, "batch_number": array.next_member().batch_number if array.members else None}


class Queueing:
    """A batch on its way: the array with the members that it has by now, and the status that each task came to."""

    def __init__(self, store: Store, connection: Connection[Any], array: Array, report: ReportContext) -> None:
        self._store = store
        self._connection = connection
        self._report = report
        self.array = array
        self.statuses: dict[str, str] = {}

    def take(self, ids: list[str]) -> None:
        """Queue tasks, in the order of their ids here; those that others go on holding stay as they are."""
        tasks = lock_in_passes(ids, self._lock, OnLocked.SKIP_LOCKED)
        names = free_names(self._connection, tasks.values())
        decided = ((name, self._decide(tasks[name], names[name])) for name in ids if name in tasks)
        append(self._store, self._connection, decided, tasks.values())
        held = [name for name in ids if name not in tasks]
        if held:
            self.statuses |= {task.id: task.status for task in self._store.status.read_tasks(self._connection, held)}

    def _lock(self, ids: list[str], wait: OnLocked) -> dict[str, Task]:
        return {task.id: task for task in self._store.status.lock_tasks(self._connection, ids, wait)}

    def _decide(self, task: Task, name: str) -> Decision:
        _ = task.lifecycle.instance_machine  # raises WrongLifecycle
        if task.lifecycle.gate is None:
            raise WrongLifecycle(task.lifecycle.name, "has no gate: propose the task's own transitions")
        gated = decide(Family(None, task), GateRequest(), self._report)
        self.statuses[task.id] = gated.task.status
        if gated.refused or gated.task.status != task.lifecycle.gate.to:
            return gated
        creation = InstanceCreation(check_id("task instance", name), self.array.next_member())
        created = decide(gated.family, creation, self._report)
        self.array = self.array.with_member()
        self.statuses[task.id] = created.task.status
        return created._replace(events=(*gated.events, *created.events))


def launch(
    store: Store,
    connection: Connection[Any],
    array_id: str,
    batch_number: int,
    next_report_increment: float,
    report: ReportContext,
) -> EmptyAnswer:
    """Report every instance of a batch as LAUNCHED, to be heard of within so many seconds.

    One that is LAUNCHED already stays as it is.
    """

    def decide_launch(now: datetime, instance: TaskInstance, task: Task) -> Decision | None:
        if instance.status == LAUNCHED:
            return None
        by = now + timedelta(seconds=next_report_increment)
        return decide(Family(instance, task), InstanceReport(LAUNCHED, report_by_date=by), report)

    each_of_batch(store, connection, array_id, batch_number, decide_launch)
    return {}


def kill(
    store: Store, connection: Connection[Any], array_id: str, batch_number: int, report: ReportContext
) -> EmptyAnswer:
    """End every instance of a batch that was told to kill itself, and its task where the task can follow."""

    def decide_end(_: datetime, instance: TaskInstance, task: Task) -> Decision | None:
        if instance.status != KILL_SELF:
            return None
        return decide(Family(instance, task), InstanceReport(ERROR_FATAL), report)

    each_of_batch(store, connection, array_id, batch_number, decide_end)
    return {}


def submit(
    store: Store,
    connection: Connection[Any],
    array_id: str,
    submissions: Mapping[str, Submission],
    report: ReportContext,
) -> SubmittedAnswer:
    """Keep what the cluster has called the array's instances."""
    find_array(store, connection, array_id)
    wanted = {"array_id": array_id, "task_instance_ids": list(submissions)}
    elsewhere = dict(connection.execute(query("projections", "arrays/instances_outside"), wanted).fetchall())

    def lock(ids: list[str], wait: OnLocked) -> dict[str, TaskInstance]:
        return {instance.id: instance for instance in store.status.lock_instances(connection, ids, wait)}

    for ids in chunked([name for name in submissions if name not in elsewhere]):
        instances = list(lock_in_passes(ids, lock, OnLocked.NOWAIT).values())
        copy_events(store, connection, submitted(instances, submissions, report), instances)
    answer: SubmittedAnswer = {"success": True}
    if unknown := [name for name, known in elsewhere.items() if not known]:
        answer["unknown"] = unknown
    if others := [name for name, known in elsewhere.items() if known]:
        answer["of_other_arrays"] = others
    return answer


def submitted(
    instances: Iterable[TaskInstance], submissions: Mapping[str, Submission], report: ReportContext
) -> Iterator[Event]:
    """The events of what is new about the instances."""
    for instance in instances:
        told = submissions[instance.id]
        if told != Submission(instance.distributor_id or ""):
            yield instance.submit(told.distributor_id, report, stdout=told.stdout, stderr=told.stderr)


def members(
    store: Store,
    connection: Connection[Any],
    array_id: str,
    batch_number: int,
    *,
    after: int = -1,
    limit: int | None = None,
) -> list[BatchMember]:
    """The instances of a batch by their steps, behind step `after`; raises UnknownEntity or UnknownBatch."""
    array = find_array(store, connection, array_id)
    if not 1 <= batch_number <= array.last_batch:
        raise UnknownBatch(array_id, batch_number, array.last_batch)
    wanted = {"array_id": array_id, "batch_number": batch_number, "after": after, "limit": limit}
    with connection.cursor(row_factory=dict_row) as cursor:
        return cast("list[BatchMember]", cursor.execute(query("projections", "arrays/batch"), wanted).fetchall())


def each_of_batch(
    store: Store,
    connection: Connection[Any],
    array_id: str,
    batch_number: int,
    decide_one: Callable[[datetime, TaskInstance, Task], Decision | None],
) -> None:
    """Decide about every instance of a batch and its task, as of `now`; raises 55P03 where others go on holding one."""

    def lock(ids: list[str], wait: OnLocked) -> dict[str, tuple[TaskInstance, Task]]:
        return {family[0].id: family for family in store.status.lock_families(connection, ids, wait)}

    for ids in chunked([member["task_instance_id"] for member in members(store, connection, array_id, batch_number)]):
        locked = lock_in_passes(ids, lock, OnLocked.NOWAIT)
        families = [locked[name] for name in ids]
        now = database_now(connection)
        decided = decide_in_turn(families, partial(decide_one, now))
        append(store, connection, decided, (member for family in families for member in family), now=now)


def check_tasks(connection: Connection[Any], array: Array, task_ids: Sequence[str]) -> None:
    """Raise UnknownEntity, or NotOfArray, where one of the tasks cannot be queued in the array."""
    wanted = {"task_ids": list(dict.fromkeys(task_ids)), "workflow_id": array.workflow_id, "array_id": array.id}
    found = connection.execute(query("projections", "arrays/tasks_outside"), wanted).fetchall()
    unknown = [task_id for task_id, workflow_id, _ in found if workflow_id is None]
    if unknown:
        raise unknown_entity(connection, *(Entity(TASK, task_id) for task_id in unknown))
    if found:
        others = {
            task_id: f"workflow {workflow_id!r}" if workflow_id != array.workflow_id else f"array {array_id!r}"
            for task_id, workflow_id, array_id in found
        }
        raise NotOfArray(array.id, array.workflow_id, others)


def free_names(connection: Connection[Any], tasks: Iterable[Task]) -> dict[str, str]:
    """What each task's next instance is called: `TASK/ORDINAL`, or that with a number behind it where it is taken."""
    first = {task.id: f"{task.id}/{task.instances + 1}" for task in tasks}
    names, tried = dict(first), 1
    left = first
    while left and (taken := existing_ids(connection, "find/existing_task_instances", list(left.values()))):
        tried += 1
        left = {task_id: f"{first[task_id]}-{tried}" for task_id, name in left.items() if name in taken}
        names |= left
    return names


def copy_events(
    store: Store, connection: Connection[Any], events: Iterable[Event], before: Sequence[Array | TaskInstance]
) -> None:
    """Append events that leave their entities in the statuses that they are in."""
    entered = {entity.stream: entity.entered_at for entity in before if entity.entered_at}
    store.log.copy(connection, events, database_now(connection), entered)
