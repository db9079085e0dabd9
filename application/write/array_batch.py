"""Queue, launch and kill a batch of an array as a whole, in the transaction of a connection.

The array is locked first, so that two batches never share a number. Rows of a batch that workers hold are locked in
several passes, while the rest stays locked.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, cast

from psycopg import Connection
from psycopg.rows import dict_row

from application.shared.current_status import OnLocked, database_now, existing_ids
from application.shared.entry_clocks import read_clocks_of_families
from application.shared.store import Store, chunked
from application.shared.suggestions import unknown_entity
from application.write.answers import BatchMember, EmptyAnswer, QueueBatchAnswer, SubmittedAnswer
from application.write.bulk_transition import append_decisions, lock_in_passes
from application.write.known_status import StatusCheck
from domain.decisions.decide import decide, decide_in_turn
from domain.decisions.decision import Decision, Family
from domain.decisions.proposals import GateRequest, InstanceCreation, InstanceReport
from domain.entities.array import Array
from domain.entities.events import Event
from domain.entities.task import Task
from domain.entities.task_instance import TaskInstance
from domain.entity import ARRAY, MAX_ID_LENGTH, TASK, TASK_INSTANCE, Entity, check_id
from domain.errors import NotOfArray, UnknownBatch, WrongLifecycle
from domain.report_context import ReportContext
from infrastructure.sql import query

DIGEST_DIGITS = 12
"""How many digits of its digest stand for the rest of a long task id."""

LAUNCHED, KILL_SELF, ERROR_FATAL = "LAUNCHED", "KILL_SELF", "ERROR_FATAL"


@dataclass(frozen=True, slots=True)
class Submission:
    """The id that the cluster gave an instance, and the files of its output, if they are known."""

    distributor_id: str
    stdout: str | None = None
    stderr: str | None = None


def find_array(store: Store, connection: Connection[Any], array_id: str, *, lock: bool = False) -> Array:
    """Return the array of that id.

    Raises:
        UnknownEntity: there is none.
    """
    array = store.status.array(connection, array_id, lock=lock)
    if array is None:
        raise unknown_entity(connection, Entity(ARRAY, array_id))
    return array


def queue_batch(
    store: Store,
    connection: Connection[Any],
    array_id: str,
    task_ids: Sequence[str],
    context: ReportContext,
    *,
    task_resources_id: str | None = None,
    workflow_run_id: str | None = None,
) -> QueueBatchAnswer:
    """Let tasks pass the gate, and queue an instance of each that does as the array's next batch.

    Raises:
        UnknownEntity: the log does not know the array or one of the tasks.
        NotOfArray: a task is of another workflow or array.
        WrongLifecycle: a task's lifecycle has no gate or no instances.
    """
    array = find_array(store, connection, array_id, lock=True)
    require_queueable(connection, array, task_ids)
    builder = BatchBuilder(store, connection, array, context)
    for ids in chunked(task_ids):
        builder.add_tasks(ids)
    array = builder.array
    if array.members:
        queued = array.queue_batch(context, task_resources_id=task_resources_id, workflow_run_id=workflow_run_id)
        append_events(store, connection, [queued], [array])
    by_status: dict[str, list[str]] = {}
    for task_id in dict.fromkeys(task_ids):
        by_status.setdefault(builder.statuses[task_id], []).append(task_id)
    return {"tasks_by_status": by_status, "batch_number": array.next_member().batch_number if array.members else None}


class BatchBuilder:
    """Builds a batch: the array with its members so far, and the status of each task after its decision."""

    def __init__(self, store: Store, connection: Connection[Any], array: Array, context: ReportContext) -> None:
        self._store = store
        self._connection = connection
        self._context = context
        self.array = array
        self.statuses: dict[str, str] = {}

    def add_tasks(self, ids: list[str]) -> None:
        """Queue tasks in the order of `ids`; those that others hold during every pass stay as they are."""
        tasks = lock_in_passes(ids, self._lock, OnLocked.SKIP_LOCKED)
        names = next_instance_ids(self._connection, tasks.values())
        decided = ((name, self._decide(tasks[name], names[name])) for name in ids if name in tasks)
        append_decisions(self._store, self._connection, decided, tasks.values())
        held = [name for name in ids if name not in tasks]
        if held:
            self.statuses |= {task.id: task.status for task in self._store.status.read_tasks(self._connection, held)}

    def _lock(self, ids: list[str], wait: OnLocked) -> dict[str, Task]:
        return {task.id: task for task in self._store.status.lock_tasks(self._connection, ids, wait)}

    def _decide(self, task: Task, name: str) -> Decision:
        _ = task.lifecycle.instance_machine  # raises WrongLifecycle
        if task.lifecycle.gate is None:
            raise WrongLifecycle(task.lifecycle.name, "has no gate: propose the task's own transitions")
        gated = decide(Family(None, task), GateRequest(), self._context)
        self.statuses[task.id] = gated.task.status
        if gated.refused or gated.task.status != task.lifecycle.gate.to:
            return gated
        creation = InstanceCreation(check_id("task instance", name), self.array.next_member())
        created = decide(gated.family, creation, self._context)
        self.array = self.array.with_member()
        self.statuses[task.id] = created.task.status
        return created._replace(events=(*gated.events, *created.events))


def launch_batch(
    store: Store,
    connection: Connection[Any],
    array_id: str,
    batch_number: int,
    next_report_increment: float,
    context: ReportContext,
) -> EmptyAnswer:
    """Report every instance of a batch as LAUNCHED; each must report again within `next_report_increment` seconds.

    An instance that is LAUNCHED already stays as it is.
    """

    judged = store.at_decision(context)

    def decide_launch(now: datetime, instance: TaskInstance, task: Task) -> Decision | None:
        if instance.status == LAUNCHED:
            return None
        by = now + timedelta(seconds=next_report_increment)
        return decide(Family(instance, task), InstanceReport(LAUNCHED, report_by_date=by), judged)

    decide_batch(store, connection, array_id, batch_number, LAUNCHED, decide_launch, context.occurred_at)
    return {}


def kill_batch(
    store: Store, connection: Connection[Any], array_id: str, batch_number: int, context: ReportContext
) -> EmptyAnswer:
    """End every instance of a batch that had to kill itself, and its task where the task can follow."""

    judged = store.at_decision(context)

    def decide_end(_: datetime, instance: TaskInstance, task: Task) -> Decision | None:
        if instance.status != KILL_SELF:
            return None
        return decide(Family(instance, task), InstanceReport(ERROR_FATAL), judged)

    decide_batch(store, connection, array_id, batch_number, ERROR_FATAL, decide_end, context.occurred_at)
    return {}


def record_submissions(
    store: Store,
    connection: Connection[Any],
    array_id: str,
    submissions: Mapping[str, Submission],
    context: ReportContext,
) -> SubmittedAnswer:
    """Record the ids that the cluster gave the array's instances."""
    find_array(store, connection, array_id)
    wanted = {"array_id": array_id, "task_instance_ids": list(submissions)}
    elsewhere = dict(connection.execute(query("projections", "arrays/instances_outside"), wanted).fetchall())

    def lock(ids: list[str], wait: OnLocked) -> dict[str, TaskInstance]:
        return {instance.id: instance for instance in store.status.lock_instances(connection, ids, wait)}

    for ids in chunked([name for name in submissions if name not in elsewhere]):
        instances = list(lock_in_passes(ids, lock, OnLocked.NOWAIT).values())
        append_events(store, connection, submission_events(instances, submissions, context), instances)
    answer: SubmittedAnswer = {"success": True}
    if unknown := [name for name, known in elsewhere.items() if not known]:
        answer["unknown"] = unknown
    if others := [name for name, known in elsewhere.items() if known]:
        answer["of_other_arrays"] = others
    return answer


def submission_events(
    instances: Iterable[TaskInstance], submissions: Mapping[str, Submission], context: ReportContext
) -> Iterator[Event]:
    """Yield the events that record what is new about the instances."""
    for instance in instances:
        submission = submissions[instance.id]
        if submission != Submission(instance.distributor_id or ""):
            yield instance.submit(
                submission.distributor_id, context, stdout=submission.stdout, stderr=submission.stderr
            )


def list_members(
    store: Store,
    connection: Connection[Any],
    array_id: str,
    batch_number: int,
    *,
    after: int = -1,
    limit: int | None = None,
) -> list[BatchMember]:
    """Return the instances of a batch by their steps, up to `limit` of those after step `after`.

    Raises:
        UnknownEntity: the log does not know the array.
        UnknownBatch: the array has no batch of that number.
    """
    array = find_array(store, connection, array_id)
    if not 1 <= batch_number <= array.last_batch:
        raise UnknownBatch(array_id, batch_number, array.last_batch)
    wanted = {"array_id": array_id, "batch_number": batch_number, "after": after, "limit": limit}
    with connection.cursor(row_factory=dict_row) as cursor:
        return cast("list[BatchMember]", cursor.execute(query("projections", "arrays/batch"), wanted).fetchall())


def decide_batch(
    store: Store,
    connection: Connection[Any],
    array_id: str,
    batch_number: int,
    status: str,
    decide_one: Callable[[datetime, TaskInstance, Task], Decision | None],
    occurred_at: datetime | None = None,
) -> None:
    """Decide about every instance of a batch, for which `status` is reported, and its task, and append the events.

    They happened at `occurred_at`.

    Raises:
        UnknownStatus: no machine of any of their lifecycles has the status.
        psycopg.Error: with SQLSTATE 55P03 where others hold an instance or a task during every pass.
    """

    def lock(ids: list[str], wait: OnLocked) -> dict[str, tuple[TaskInstance, Task]]:
        return {family[0].id: family for family in store.status.lock_families(connection, ids, wait)}

    members = [member["task_instance_id"] for member in list_members(store, connection, array_id, batch_number)]
    known = StatusCheck(store, TASK_INSTANCE, members, status)
    for ids in chunked(members):
        locked = lock_in_passes(ids, lock, OnLocked.NOWAIT)
        families = read_clocks_of_families(connection, [locked[name] for name in ids], occurred_at)
        known.check(connection, (task.lifecycle for _, task in families))
        now = database_now(connection)
        decided = decide_in_turn(families, partial(decide_one, now))
        append_decisions(store, connection, decided, (member for family in families for member in family), now=now)


def require_queueable(connection: Connection[Any], array: Array, task_ids: Sequence[str]) -> None:
    """Check that the tasks can be queued in the array.

    Raises:
        UnknownEntity: the log does not know one of them.
        NotOfArray: one is of another workflow or array.
    """
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


def next_instance_ids(connection: Connection[Any], tasks: Iterable[Task]) -> dict[str, str]:
    """Return the id of each task's next instance: `TASK/ORDINAL`, followed by a number where that id is taken."""
    ordinals = {task.id: task.instances + 1 for task in tasks}
    first = {task_id: _instance_id(task_id, f"/{ordinal}") for task_id, ordinal in ordinals.items()}
    names, tried = dict(first), 1
    left = first
    while left and (taken := existing_ids(connection, "find/existing_task_instances", list(left.values()))):
        tried += 1
        left = {
            task_id: _instance_id(task_id, f"/{ordinals[task_id]}-{tried}")
            for task_id, name in left.items()
            if name in taken
        }
        names |= left
    return names


def _instance_id(task_id: str, end: str) -> str:
    """Return the task's id with that end; the digest of a task id that leaves no room for it stands for its rest."""
    if len(task_id) + len(end) <= MAX_ID_LENGTH:
        return task_id + end
    digest = hashlib.sha256(task_id.encode()).hexdigest()[:DIGEST_DIGITS]
    return f"{task_id[: MAX_ID_LENGTH - len(end) - DIGEST_DIGITS - 1]}~{digest}{end}"


def append_events(
    store: Store, connection: Connection[Any], events: Iterable[Event], before: Sequence[Array | TaskInstance]
) -> None:
    """Append events that do not change the statuses of their entities."""
    entered = {entity.stream: entity.entered_at for entity in before if entity.entered_at}
    store.log.copy(connection, events, database_now(connection), entered)
