"""Arrays: bound to a workflow and a task template version, and their task instances queued batch after batch.

Every method is one transaction, retried as a whole where others hold what it needs; or takes part in the caller's with
`connection=`, behind savepoints. A call that is sent again with the same `command_id` gets its first answer.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from psycopg import Connection

from application.shared.report_context import report_of
from application.shared.retry import CONTENTION, SERIALIZATION_FAILURE, UNIQUE_VIOLATION, retrying
from application.shared.store import Store
from application.write import array_batch
from application.write.answers import (
    BatchMember,
    BindAnswer,
    ConcurrencyAnswer,
    NoAnswer,
    QueueBatchAnswer,
    SubmittedAnswer,
)
from application.write.array_batch import Submission
from domain.actor import Actor
from domain.entities.array import Array, check_concurrency
from domain.entity import check_id, check_ids
from domain.errors import UnknownArray
from domain.report_context import ReportContext
from domain.text import storable
from domain.time import check_seconds
from infrastructure.log.commands import Command, digest, first_answer, keep_answer
from infrastructure.sql import query

MAX_RETRIES = 5

Answer = TypeVar("Answer", bound=Mapping[str, Any])


class ArrayService:
    """Binds arrays, and takes what a distributor does with their batches."""

    def __init__(self, store: Store) -> None:
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
        """The array of a workflow and a task template version: a new one, or the one that is there.

        That one keeps its name, and gets `max_concurrently_running`. Raises InvalidConcurrency.
        """
        check_id("workflow", workflow_id)
        check_id("task template version", task_template_version_id)
        wanted = Array("", workflow_id, task_template_version_id, name, check_concurrency(max_concurrently_running))
        if name is not None:
            check_id("array", name)
        return self._carried_out(
            f"the array of workflow {workflow_id!r} and task template version {task_template_version_id!r}",
            report_of(actor, reason, occurred_at, command_id),
            ("bind", *wanted[1:5], reason, occurred_at),
            connection,
            max_retries,
            lambda used, report: self._bind(used, wanted, report),
        )

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
        max_retries: int = MAX_RETRIES,
        connection: Connection[Any] | None = None,
    ) -> QueueBatchAnswer:
        """Let tasks pass the gate, and queue an instance of each that does, as the next batch of the array.

        The steps of a batch go from 0 on, in the order of `task_ids`. Tasks that do not pass, and those that others go
        on holding, stay as they are and are answered with. Raises UnknownEntity for an array or tasks that are not
        there, NotOfArray for tasks of another workflow or array: then nothing was queued.
        """
        check_id("array", array_id)
        names = check_ids("task", task_ids)
        return self._carried_out(
            f"array {array_id!r} or what it queues",
            report_of(actor, reason, occurred_at, command_id),
            ("queue_task_batch", array_id, names, task_resources_id, workflow_run_id, reason, occurred_at),
            connection,
            max_retries,
            lambda used, report: array_batch.queue(
                self._store,
                used,
                array_id,
                names,
                report,
                task_resources_id=task_resources_id,
                workflow_run_id=workflow_run_id,
            ),
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
        max_retries: int = MAX_RETRIES,
        connection: Connection[Any] | None = None,
    ) -> NoAnswer:
        """Report that the cluster has accepted a batch: its instances are LAUNCHED, and their tasks with them.

        Each is to be heard of again within `next_report_increment` seconds. Where a worker has been faster, the report
        is kept as refused (`untimely-transition`). Raises UnknownEntity, UnknownBatch, InvalidDuration or
        RetriesExhausted.
        """
        check_id("array", array_id)
        seconds = check_seconds(next_report_increment)

        def launch(used: Connection[Any], report: ReportContext) -> NoAnswer:
            array_batch.launch(self._store, used, array_id, batch_number, seconds, report)
            return {}

        return self._carried_out(
            f"a task instance of array {array_id!r}, batch {batch_number}",
            report_of(actor, reason, occurred_at, command_id),
            ("transition_to_launched", array_id, batch_number, seconds, reason, occurred_at),
            connection,
            max_retries,
            launch,
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
    ) -> NoAnswer:
        """Report that what was told to kill itself in a batch is gone: ERROR_FATAL, and so are their tasks.

        An instance ends even where its task cannot follow, which is kept as refused. Raises UnknownEntity,
        UnknownBatch or RetriesExhausted.
        """
        check_id("array", array_id)

        def kill(used: Connection[Any], report: ReportContext) -> NoAnswer:
            array_batch.kill(self._store, used, array_id, batch_number, report)
            return {}

        return self._carried_out(
            f"a task instance of array {array_id!r}, batch {batch_number}",
            report_of(actor, reason, occurred_at, command_id),
            ("transition_to_killed", array_id, batch_number, reason, occurred_at),
            connection,
            max_retries,
            kill,
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
        """Keep what the cluster calls the array's instances: {task instance id: its id there}.

        In the place of an id, {"distributor_id", "stdout", "stderr"} says where the output goes too. Instances of
        other arrays, and those that are not known, are answered with. Raises UnknownEntity, RetriesExhausted.
        """
        check_id("array", array_id)
        submissions = {check_id("task instance", name): _submission(told) for name, told in distributor_ids.items()}
        return self._carried_out(
            f"a task instance of array {array_id!r}",
            report_of(actor, reason, occurred_at, command_id),
            ("log_distributor_id", array_id, dict(distributor_ids), reason, occurred_at),
            connection,
            max_retries,
            lambda used, report: array_batch.submit(self._store, used, array_id, submissions, report),
        )

    def max_concurrently_running(
        self, array_id: str, *, connection: Connection[Any] | None = None
    ) -> ConcurrencyAnswer:
        """How many instances of an array may run at once; raises UnknownEntity."""
        check_id("array", array_id)
        with self._store.session(connection) as used:
            array = array_batch.find_array(self._store, used, array_id)
        return {"max_concurrently_running": array.max_concurrently_running}

    def max_concurrently_running_of(
        self, workflow_id: str, task_template_version_id: str, *, connection: Connection[Any] | None = None
    ) -> ConcurrencyAnswer:
        """The same of the array of a workflow and a task template version; raises UnknownEntity."""
        with self._store.session(connection) as used:
            array_id = _bound(used, workflow_id, task_template_version_id)
            if array_id is None:
                raise UnknownArray(workflow_id, task_template_version_id)
            return self.max_concurrently_running(array_id, connection=used)

    def batch(
        self,
        array_id: str,
        batch_number: int,
        *,
        after: int = -1,
        limit: int | None = None,
        connection: Connection[Any] | None = None,
    ) -> list[BatchMember]:
        """The instances of a batch by their steps, at most `limit` behind step `after`.

        Raises UnknownEntity, UnknownBatch.
        """
        check_id("array", array_id)
        with self._store.session(connection) as used:
            return array_batch.members(self._store, used, array_id, batch_number, after=after, limit=limit)

    def _bind(self, connection: Connection[Any], wanted: Array, report: ReportContext) -> BindAnswer:
        there = _bound(connection, wanted.workflow_id, wanted.task_template_version_id)
        if there is None:
            row = connection.execute(query("projections", "arrays/next_id")).fetchone()
            assert row is not None
            array = wanted._replace(id=row[0])
            array_batch.copy_events(self._store, connection, [array.bind(report)], [])
            return {"array_id": array.id}
        array = array_batch.find_array(self._store, connection, there, lock=True)
        if array.max_concurrently_running != wanted.max_concurrently_running:
            changed = array.change_concurrency(wanted.max_concurrently_running, report)
            array_batch.copy_events(self._store, connection, [changed], [array])
        return {"array_id": array.id}

    def _carried_out(
        self,
        what: str,
        report: ReportContext,
        request: Sequence[Any],
        connection: Connection[Any] | None,
        max_retries: int,
        work: Callable[[Connection[Any], ReportContext], Answer],
    ) -> Answer:
        """What `work` answers, in one transaction; what the command was answered with first, where it is known."""
        asked = digest(request)

        def attempt() -> Answer:
            with self._store.transaction(connection, repeatable=report.command_id is not None) as used:
                if report.command_id is None:
                    return work(used, report)
                known = first_answer(used, report.command_id, asked)
                if known is not None:
                    return known  # type: ignore[no-any-return]
                answer = work(used, report)
                keep_answer(used, Command(report.command_id, asked, answer))
                return answer

        # Two who bind or send the same at once: one meets the other's row, looks again, and finds it there.
        curable = CONTENTION | {UNIQUE_VIOLATION}
        if connection is not None:
            curable -= {SERIALIZATION_FAILURE}  # no savepoint cures it: the caller's whole transaction is to repeat
        return retrying(what, attempt, max_retries=max_retries, curable=curable)


def _bound(connection: Connection[Any], workflow_id: str, task_template_version_id: str) -> str | None:
    wanted = {"workflow_id": workflow_id, "task_template_version_id": task_template_version_id}
    row = connection.execute(query("projections", "arrays/array_of_template"), wanted).fetchone()
    return row[0] if row else None


def _submission(told: str | Mapping[str, str | None]) -> Submission:
    if isinstance(told, Mapping):
        paths = {key: storable(path) for key in ("stdout", "stderr") if (path := told.get(key)) is not None}
        return Submission(check_id("distributor", told.get("distributor_id")), **paths)
    return Submission(check_id("distributor", told))
