"""Arrays: bound to a workflow and a task template version, and their task instances queued batch after batch.

Every method takes the keyword arguments of TransitionService's: it is one transaction, attempted again as a whole while
others hold what it needs; or takes part in the caller's with `connection=`, behind savepoints. A call that comes again
with the same `command_id` gets its first answer.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg import Connection

from application.shared.arguments import require_ids, require_mapping
from application.shared.report_context import build_report_context
from application.shared.retry import MAX_RETRIES
from application.shared.store import Store
from application.shared.unit_of_work import UnitOfWork
from application.write import array_batch
from application.write.answers import (
    BatchMember,
    BindAnswer,
    ConcurrencyAnswer,
    EmptyAnswer,
    QueueBatchAnswer,
    SubmittedAnswer,
)
from application.write.array_batch import Submission
from domain.actor import Actor
from domain.entities.array import Array, check_concurrency
from domain.entity import check_id
from domain.errors import UnknownArray
from domain.report_context import ReportContext
from domain.text import storable
from domain.time import check_seconds
from domain.waits_for import StatedWait
from infrastructure.sql import query


class ArrayService:
    """Binds arrays, and records what a distributor does with their batches."""

    def __init__(self, store: Store) -> None:
        if not isinstance(store, Store):
            raise TypeError(f"ArrayService takes a Store, not a {type(store).__name__}; use TransitionService.arrays")
        self._store = store

    def bind(
        self,
        workflow_id: str,
        task_template_version_id: str,
        max_concurrently_running: int,
        name: str | None = None,
        *,
        actor: Actor | str | None = None,
        reason: str | None = None,
        occurred_at: datetime | None = None,
        command_id: str | None = None,
        max_retries: int = MAX_RETRIES,
        connection: Connection[Any] | None = None,
    ) -> BindAnswer:
        """Return the array of a workflow and a task template version, which is created if there is none.

        An array that exists keeps its name, and gets `max_concurrently_running`.

        Raises:
            InvalidConcurrency: `max_concurrently_running` is not a number that an array can have.
        """
        check_id("workflow", workflow_id)
        check_id("task template version", task_template_version_id)
        check_concurrency(max_concurrently_running)
        if name is not None:
            check_id("array", name)
        context = build_report_context(actor, reason, occurred_at, command_id)
        unit = UnitOfWork.for_request(
            self._store,
            f"the array of workflow {workflow_id!r} and task template version {task_template_version_id!r}",
            ("bind", workflow_id, task_template_version_id, name, max_concurrently_running),
            context,
            connection,
            max_retries,
        )
        wanted = Array("", workflow_id, task_template_version_id, name, max_concurrently_running)
        return unit.run(lambda connection: self._bind(connection, wanted, context))

    def queue_task_batch(
        self,
        array_id: str,
        task_ids: Sequence[str],
        task_resources_id: str | None = None,
        workflow_run_id: str | None = None,
        *,
        actor: Actor | str | None = None,
        reason: str | None = None,
        occurred_at: datetime | None = None,
        command_id: str | None = None,
        waits_for: StatedWait | None = None,
        max_retries: int = MAX_RETRIES,
        connection: Connection[Any] | None = None,
    ) -> QueueBatchAnswer:
        """Let tasks pass the gate, and queue an instance of each that does, as the next batch of the array.

        The steps of a batch are numbered from 0, in the order of `task_ids`. Tasks that do not pass, and those that
        others hold for longer, stay as they are; the answer lists every task by its status.

        Raises:
            UnknownEntity: the log does not know the array or one of the tasks; nothing is queued.
            NotOfArray: a task is of another workflow or array; nothing is queued.
            RetriesExhausted: others hold the array.
        """
        check_id("array", array_id)
        names = require_ids("task", task_ids)
        context = build_report_context(actor, reason, occurred_at, command_id, waits_for)
        unit = UnitOfWork.for_request(
            self._store,
            f"array {array_id!r} or what it queues",
            ("queue_task_batch", array_id, names, task_resources_id, workflow_run_id),
            context,
            connection,
            max_retries,
        )
        return unit.run(
            lambda connection: array_batch.queue_batch(
                self._store,
                connection,
                array_id,
                names,
                context,
                task_resources_id=task_resources_id,
                workflow_run_id=workflow_run_id,
            )
        )

    def transition_to_launched(
        self,
        array_id: str,
        batch_number: int,
        next_report_increment: float,
        *,
        actor: Actor | str | None = None,
        reason: str | None = None,
        occurred_at: datetime | None = None,
        command_id: str | None = None,
        waits_for: StatedWait | None = None,
        max_retries: int = MAX_RETRIES,
        connection: Connection[Any] | None = None,
    ) -> EmptyAnswer:
        """Report that the cluster has accepted a batch: its instances are LAUNCHED, and their tasks with them.

        Each must report again within `next_report_increment` seconds. Where a worker has been faster, the report is
        recorded as refused (`untimely-transition`).

        Raises:
            UnknownEntity: the log does not know the array.
            UnknownBatch: the array has no batch of that number.
            UnknownStatus: no machine of its tasks' lifecycles has LAUNCHED.
            InvalidDuration: `next_report_increment` is not a number of seconds that anybody could wait.
            RetriesExhausted: others hold an instance of the batch.
        """
        check_id("array", array_id)
        seconds = check_seconds(next_report_increment)
        context = build_report_context(actor, reason, occurred_at, command_id, waits_for)
        unit = UnitOfWork.for_request(
            self._store,
            f"a task instance of array {array_id!r}, batch {batch_number}",
            ("transition_to_launched", array_id, batch_number, seconds),
            context,
            connection,
            max_retries,
        )
        return unit.run(
            lambda connection: array_batch.launch_batch(
                self._store, connection, array_id, batch_number, seconds, context
            )
        )

    def transition_to_killed(
        self,
        array_id: str,
        batch_number: int,
        *,
        actor: Actor | str | None = None,
        reason: str | None = None,
        occurred_at: datetime | None = None,
        command_id: str | None = None,
        max_retries: int = MAX_RETRIES,
        connection: Connection[Any] | None = None,
    ) -> EmptyAnswer:
        """Report that the instances of a batch that had to kill themselves are gone: they are ERROR_FATAL.

        So are their tasks. An instance ends even where its task cannot follow, which is recorded as refused.

        Raises:
            UnknownEntity: the log does not know the array.
            UnknownBatch: the array has no batch of that number.
            UnknownStatus: no machine of its tasks' lifecycles has ERROR_FATAL.
            RetriesExhausted: others hold an instance of the batch.
        """
        check_id("array", array_id)
        context = build_report_context(actor, reason, occurred_at, command_id)
        unit = UnitOfWork.for_request(
            self._store,
            f"a task instance of array {array_id!r}, batch {batch_number}",
            ("transition_to_killed", array_id, batch_number),
            context,
            connection,
            max_retries,
        )
        return unit.run(
            lambda connection: array_batch.kill_batch(self._store, connection, array_id, batch_number, context)
        )

    def log_distributor_id(
        self,
        array_id: str,
        distributor_ids: Mapping[str, str | Mapping[str, str | None]],
        *,
        actor: Actor | str | None = None,
        reason: str | None = None,
        occurred_at: datetime | None = None,
        command_id: str | None = None,
        max_retries: int = MAX_RETRIES,
        connection: Connection[Any] | None = None,
    ) -> SubmittedAnswer:
        """Record the ids that the cluster gave the array's instances, as {task instance id: distributor id}.

        Instead of an id, {"distributor_id", "stdout", "stderr"} also names the files of its output. The answer lists
        unknown instances and those of other arrays.

        Raises:
            UnknownEntity: the log does not know the array.
            RetriesExhausted: others hold an instance.
        """
        check_id("array", array_id)
        require_mapping(distributor_ids, "{task instance id: distributor id}")
        submissions = {check_id("task instance", name): _submission(given) for name, given in distributor_ids.items()}
        context = build_report_context(actor, reason, occurred_at, command_id)
        unit = UnitOfWork.for_request(
            self._store,
            f"a task instance of array {array_id!r}",
            ("log_distributor_id", array_id, dict(distributor_ids)),
            context,
            connection,
            max_retries,
        )
        return unit.run(
            lambda connection: array_batch.record_submissions(self._store, connection, array_id, submissions, context)
        )

    def max_concurrently_running(
        self, array_id: str, *, connection: Connection[Any] | None = None
    ) -> ConcurrencyAnswer:
        """Return how many instances of an array may run at once.

        Raises:
            UnknownEntity: the log does not know the array.
        """
        check_id("array", array_id)
        with self._store.session(connection) as session:
            array = array_batch.find_array(self._store, session, array_id)
        return {"max_concurrently_running": array.max_concurrently_running}

    def max_concurrently_running_of(
        self, workflow_id: str, task_template_version_id: str, *, connection: Connection[Any] | None = None
    ) -> ConcurrencyAnswer:
        """Return how many instances of the array of a workflow and a task template version may run at once.

        Raises:
            UnknownEntity: no array is bound to them.
        """
        with self._store.session(connection) as session:
            array_id = _bound_array_id(session, workflow_id, task_template_version_id)
            if array_id is None:
                raise UnknownArray(workflow_id, task_template_version_id)
            return self.max_concurrently_running(array_id, connection=session)

    def batch(
        self,
        array_id: str,
        batch_number: int,
        *,
        after: int = -1,
        limit: int | None = None,
        connection: Connection[Any] | None = None,
    ) -> list[BatchMember]:
        """Return the instances of a batch by their steps, up to `limit` of those after step `after`.

        Raises:
            UnknownEntity: the log does not know the array.
            UnknownBatch: the array has no batch of that number.
        """
        check_id("array", array_id)
        with self._store.session(connection) as session:
            return array_batch.list_members(self._store, session, array_id, batch_number, after=after, limit=limit)

    def _bind(self, connection: Connection[Any], wanted: Array, context: ReportContext) -> BindAnswer:
        bound = _bound_array_id(connection, wanted.workflow_id, wanted.task_template_version_id)
        if bound is None:
            row = connection.execute(query("projections", "arrays/next_id")).fetchone()
            assert row is not None
            array = wanted._replace(id=row[0])
            array_batch.append_events(self._store, connection, [array.bind(context)], [])
            return {"array_id": array.id}
        array = array_batch.find_array(self._store, connection, bound, lock=True)
        if array.max_concurrently_running != wanted.max_concurrently_running:
            changed = array.change_concurrency(wanted.max_concurrently_running, context)
            array_batch.append_events(self._store, connection, [changed], [array])
        return {"array_id": array.id}


def _bound_array_id(connection: Connection[Any], workflow_id: str, task_template_version_id: str) -> str | None:
    wanted = {"workflow_id": workflow_id, "task_template_version_id": task_template_version_id}
    row = connection.execute(query("projections", "arrays/array_of_template"), wanted).fetchone()
    return row[0] if row else None


def _submission(given: str | Mapping[str, str | None]) -> Submission:
    if isinstance(given, Mapping):
        paths = {key: storable(path) for key in ("stdout", "stderr") if (path := given.get(key)) is not None}
        return Submission(check_id("distributor", given.get("distributor_id")), **paths)
    return Submission(check_id("distributor", given))
