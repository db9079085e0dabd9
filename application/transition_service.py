"""The one way to change a status: TransitionService.

Every method is one transaction of its own, or takes part in the caller's with `connection=`: then it works behind
savepoints, and never commits or rolls back what the caller did. A service is safe to use from several threads.

Every method that writes takes the same keyword arguments. `actor`, `reason` and `occurred_at` are recorded with its
events: who reports (this process, unless another component or an Actor is named), why, and when it happened; a time in
the future raises FutureTime. A call that comes again with the same `command_id` gets its first answer and writes
nothing. `max_retries` is the number of attempts while others hold what the call needs. Where entities enter a status,
`waits_for` is what they wait for there: a kind, or an object of `kind`, `detail` and `holders`.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Self, cast

from psycopg import Connection

from application.array_service import ArrayService
from application.erase.erase import erase_actor
from application.erase.erasure_in_progress import EraseAnswer
from application.maintain.recover import RecoverAnswer, recover_tasks
from application.maintain.slots import limit_concurrency
from application.reading import Reading
from application.shared.arguments import require_ids, require_mapping
from application.shared.closed_at_end import ClosedAtEnd
from application.shared.current_status import OnLocked
from application.shared.report_context import build_report_context
from application.shared.retry import MAX_RETRIES
from application.shared.store import Store
from application.shared.unit_of_work import UnitOfWork
from application.write import bulk_transition, leases, registration
from application.write.answers import (
    BulkAnswer,
    CreateAnswer,
    GateAnswer,
    HeartbeatAnswer,
    HeartbeatsAnswer,
    RegisterAnswer,
    ResetAnswer,
    TaskAnswer,
    TaskInstanceAnswer,
    UpstreamAnswer,
)
from application.write.registration import TaskSpec
from application.write.report_writer import write_one
from application.write.reports import TaskInstanceReport, TaskReport
from application.write.upstream import add_upstream, check_upstream
from application.write.workflow_action import Action, WorkflowActionAnswer, act_on_workflow
from domain.actor import Actor
from domain.decisions.proposals import GateRequest, TaskRequest
from domain.decisions.recovery_plan import RecoveryTimeouts
from domain.entity import check_id
from domain.errors import InvalidDetails
from domain.lifecycles.lifecycle import Lifecycle
from domain.report_context import ReportContext
from domain.text import storable_json
from domain.time import check_seconds, zoned
from domain.waits_for import StatedWait

__all__ = ["TaskSpec", "TransitionService"]

ROW = "a row of this call"
"""The subject of the error when a call about many entities gives up because others hold it."""

NEXT_REPORT_SECONDS = 300.0
"""The duration of an instance's lease, unless the call passes another one."""


class TransitionService(Reading, ClosedAtEnd):
    """Registers tasks, gates them, and takes every report of what they and their instances do."""

    def __init__(self, store: Store) -> None:
        if not isinstance(store, Store):
            raise TypeError(
                f"TransitionService takes a Store, not a {type(store).__name__}; use TransitionService.connect(dsn)"
            )
        self._store = store

    @classmethod
    def connect(cls, dsn: str | None = None, *, max_size: int = 10) -> Self:
        """Return a service on the database of that DSN; None: SOJOURN_DSN, or else the embedded one."""
        return cls(Store.reach(dsn, max_size=max_size))

    @property
    def dsn(self) -> str:
        """Return where the database is, for psycopg.connect."""
        return self._store.database.dsn

    @property
    def store(self) -> Store:
        """Return the store beneath, for reading."""
        return self._store

    @cached_property
    def arrays(self) -> ArrayService:
        """Return the methods for arrays and their batches."""
        return ArrayService(self._store)

    def close(self) -> None:
        """Close every connection; every method raises ServiceClosed from then on."""
        self._store.close()

    def register_tasks(
        self,
        workflow_id: str,
        tasks: Sequence[TaskSpec],
        lifecycle: str | Path | Lifecycle = "jobmon",
        *,
        actor: Actor | str | None = None,
        reason: str | None = None,
        occurred_at: datetime | None = None,
        command_id: str | None = None,
        waits_for: StatedWait | None = None,
        connection: Connection[Any] | None = None,
    ) -> RegisterAnswer:
        """Register tasks under a lifecycle: a TOML file, or the name of one that ships with Sojourn or is in the log.

        Registering again with the same content has no effect.

        Raises:
            TaskConflict: a task is registered with other content.
            InvalidStart: the lifecycle lets no task begin in the status that one states.
            UnknownLifecycle: neither Sojourn nor the log has a lifecycle of that name.
            LifecycleConflict: the log has another definition under the lifecycle's name and version.
        """
        check_id("workflow", workflow_id)
        specs = registration.require_specs(tasks)
        context = build_report_context(actor, reason, occurred_at, command_id, waits_for)
        pinned = self._store.lifecycles.save(self._store.lifecycles.resolve(lifecycle))
        request = ("register_tasks", workflow_id, pinned.key, registration.request_of(specs) if command_id else None)
        unit = UnitOfWork.for_request(self._store, "a task", request, context, connection, safe_to_retry=True)
        return unit.run(
            lambda connection: registration.register_tasks(self._store, connection, workflow_id, specs, pinned, context)
        )

    def add_upstream(
        self,
        upstream: Mapping[str, Sequence[str]],
        *,
        actor: Actor | str | None = None,
        reason: str | None = None,
        occurred_at: datetime | None = None,
        command_id: str | None = None,
        max_retries: int = MAX_RETRIES,
        connection: Connection[Any] | None = None,
    ) -> UpstreamAnswer:
        """Let tasks wait for further ones, given as {task id: [ids of its upstream tasks]}, before their first attempt.

        Adding a link again has no effect.

        Raises:
            UnknownEntity: the log does not know one of the tasks.
            TaskBegun: a task has begun; nothing is written.
            UpstreamCycle: a task would wait for itself by way of others; nothing is written.
        """
        links = check_upstream(upstream)
        context = build_report_context(actor, reason, occurred_at, command_id)
        request = ("add_upstream", {task_id: sorted(links[task_id]) for task_id in sorted(links)})
        unit = UnitOfWork.for_request(self._store, ROW, request, context, connection, max_retries, safe_to_retry=True)
        return unit.run(lambda connection: add_upstream(self._store, connection, links, context))

    def create_task_instances(
        self,
        instances: Mapping[str, str],
        *,
        status: str | None = None,
        actor: Actor | str | None = None,
        reason: str | None = None,
        occurred_at: datetime | None = None,
        command_id: str | None = None,
        waits_for: StatedWait | None = None,
        connection: Connection[Any] | None = None,
    ) -> CreateAnswer:
        """Create task instances, given as {task instance id: task id}, in the machine's initial status or in `status`.

        Raises:
            InvalidStart: the machine does not have `status` in its `starts_in`.
            UnknownEntity: the log does not know one of the tasks.
            TaskInstanceConflict: an instance exists, of another task.
            WrongLifecycle: the task's lifecycle has no instances.
        """
        require_mapping(instances, "{task instance id: task id}")
        context = build_report_context(actor, reason, occurred_at, command_id, waits_for)
        request = ("create_task_instances", dict(instances), *([] if status is None else [status]))
        unit = UnitOfWork.for_request(self._store, "a task", request, context, connection, safe_to_retry=True)
        return unit.run(
            lambda connection: registration.create_task_instances(self._store, connection, instances, status, context)
        )

    def gate_tasks_for_queueing(
        self,
        task_ids: Sequence[str],
        *,
        actor: Actor | str | None = None,
        reason: str | None = None,
        occurred_at: datetime | None = None,
        command_id: str | None = None,
        waits_for: StatedWait | None = None,
        max_retries: int = MAX_RETRIES,
        connection: Connection[Any] | None = None,
    ) -> GateAnswer:
        """Let tasks pass the gate of their lifecycle, where one more attempt begins; skip those that are locked."""
        names = require_ids("task", task_ids)
        context = build_report_context(actor, reason, occurred_at, command_id, waits_for)
        request = ("gate_tasks_for_queueing", names)
        unit = UnitOfWork.for_request(self._store, ROW, request, context, connection, max_retries)
        answer = bulk_transition.transition_tasks(unit, names, GateRequest(), context, OnLocked.SKIP_LOCKED)
        return {
            "gated": answer["transitioned"],
            "invalid": answer["invalid"],
            "locked": answer["locked"],
            "not_found": answer["not_found"],
        }

    def transition_tasks(
        self,
        task_ids: Sequence[str],
        to_status: str,
        increment_attempts: bool = False,
        use_skip_locked: bool = False,
        max_retries: int = MAX_RETRIES,
        *,
        runner_id: str | None = None,
        actor: Actor | str | None = None,
        reason: str | None = None,
        occurred_at: datetime | None = None,
        command_id: str | None = None,
        waits_for: StatedWait | None = None,
        connection: Connection[Any] | None = None,
    ) -> BulkAnswer:
        """Move tasks to a status in the name of `runner_id`, each if its own machine, its owner and its rules let it.

        `invalid` also lists the tasks that a rule sent to another state. With `use_skip_locked`, only the tasks that
        others hold are left as they are; without it, the whole chunk of which a task stays locked for `max_retries`
        attempts, and `locked` lists it.

        Raises:
            UnknownStatus: no machine of any of their lifecycles has the status; nothing is written.
            RuleFailed: a rule failed; nothing is written.
        """
        names = require_ids("task", task_ids)
        context = build_report_context(actor, reason, occurred_at, command_id, waits_for)
        request = ("transition_tasks", names, to_status, increment_attempts, use_skip_locked, runner_id)
        unit = UnitOfWork.for_request(self._store, ROW, request, context, connection, max_retries)
        proposal = TaskRequest(to_status, increment_attempts, check_id("runner", runner_id) if runner_id else None)
        on_locked = OnLocked.SKIP_LOCKED if use_skip_locked else OnLocked.NOWAIT
        return bulk_transition.transition_tasks(unit, names, proposal, context, on_locked)

    def transition_task_instances(
        self,
        task_instance_ids: Sequence[str],
        to_status: str,
        *,
        actor: Actor | str | None = None,
        reason: str | None = None,
        occurred_at: datetime | None = None,
        command_id: str | None = None,
        waits_for: StatedWait | None = None,
        max_retries: int = MAX_RETRIES,
        connection: Connection[Any] | None = None,
    ) -> BulkAnswer:
        """Move task instances to a status, and their tasks with them.

        Raises:
            UnknownStatus: no machine of any of their lifecycles has the status; nothing is written.
        """
        names = require_ids("task instance", task_instance_ids)
        context = build_report_context(actor, reason, occurred_at, command_id, waits_for)
        request = ("transition_task_instances", names, to_status)
        unit = UnitOfWork.for_request(self._store, ROW, request, context, connection, max_retries)
        return bulk_transition.transition_task_instances(unit, names, to_status, context)

    def transition_task_instance(
        self,
        task_instance_id: str,
        to_status: str,
        current_ti_status: str | None = None,
        report_by_date: datetime | None = None,
        actor: Actor | str | None = None,
        reason: str | None = None,
        command_id: str | None = None,
        max_retries: int = MAX_RETRIES,
        *,
        occurred_at: datetime | None = None,
        waits_for: StatedWait | None = None,
        connection: Connection[Any] | None = None,
    ) -> TaskInstanceAnswer:
        """Report that a task instance is in a status, and move its task as that requires.

        `current_ti_status` is the status that the reporter believes it to be in: the log's own decides, and a claim
        that differs is recorded. `report_by_date` is the time by which the instance must report again. `waits_for` is
        what it waits for there: a kind, or an object of `kind`, `detail` and `holders`.

        Raises:
            UnknownStatus: no machine of its lifecycle has one of the two statuses; nothing is written.
        """
        context = build_report_context(actor, reason, occurred_at, command_id, waits_for)
        report = TaskInstanceReport(task_instance_id, to_status, context, current_ti_status, report_by_date)
        return write_one(self._store, report, connection=connection, max_retries=max_retries)

    def transition_task(
        self,
        task_id: str,
        to_status: str,
        runner_id: str | None = None,
        state_name: str | None = None,
        occurred_at: datetime | None = None,
        actor: Actor | str | None = None,
        reason: str | None = None,
        command_id: str | None = None,
        *,
        scheduled_time: datetime | None = None,
        details: Mapping[str, Any] | None = None,
        waits_for: StatedWait | None = None,
        max_retries: int = MAX_RETRIES,
        connection: Connection[Any] | None = None,
    ) -> TaskAnswer:
        """Propose that a task go to a status, for lifecycles whose tasks report for themselves.

        It is proposed in the name of `runner_id`, where tasks have owners. Rules also read `state_name`,
        `scheduled_time` and `details` (JSON): `details["transition_id"]`, `details["result"]`.
        `waits_for` is what it waits for there: a kind, or an object of `kind`, `detail` and `holders`.

        Raises:
            UnknownStatus: no machine of its lifecycle has the status; nothing is written.
            RuleFailed: a rule failed; nothing is written.
            InvalidDetails: the details are not JSON.
        """
        context = build_report_context(actor, reason, occurred_at, command_id, waits_for)
        report = TaskReport(
            task_id, to_status, context, runner_id or None, state_name, scheduled_time, _json_object(details)
        )
        return write_one(self._store, report, connection=connection, max_retries=max_retries)

    def reset_tasks(
        self,
        task_ids: Sequence[str],
        reset_if_running: bool = False,
        actor: Actor | str | None = None,
        reason: str | None = None,
        *,
        occurred_at: datetime | None = None,
        command_id: str | None = None,
        waits_for: StatedWait | None = None,
        max_retries: int = MAX_RETRIES,
        connection: Connection[Any] | None = None,
    ) -> ResetAnswer:
        """Send tasks back to their beginning, so that their workflow can be resumed, and end their active instances.

        Finished tasks stay as they are, running ones unless `reset_if_running`, and those that their lifecycle does
        not reset.
        """
        names = require_ids("task", task_ids)
        context = build_report_context(actor, reason, occurred_at, command_id, waits_for)
        request = ("reset_tasks", names, reset_if_running)
        unit = UnitOfWork.for_request(self._store, ROW, request, context, connection, max_retries)
        return bulk_transition.reset_tasks(unit, names, context, reset_if_running=reset_if_running)

    def reset_workflow(
        self,
        workflow_id: str,
        statuses: Sequence[str] | None = None,
        *,
        dry_run: bool = False,
        actor: Actor | str | None = None,
        reason: str | None = None,
        occurred_at: datetime | None = None,
        command_id: str | None = None,
        waits_for: StatedWait | None = None,
        max_retries: int = MAX_RETRIES,
        connection: Connection[Any] | None = None,
    ) -> WorkflowActionAnswer:
        """Send the tasks of a workflow back to their beginning, all in one transaction, and end their active instances.

        Finished tasks stay as they are, and running ones unless `statuses` are named: then only tasks in those are
        reset. A `dry_run` returns what would be recorded.

        Raises:
            UnknownEntity: the log has no such workflow.
            UnknownStatus: no machine of its lifecycles has one of the statuses.
        """
        context = build_report_context(actor, reason, occurred_at, command_id, waits_for)
        return self._act("reset", workflow_id, statuses, dry_run, context, max_retries, connection)

    def cancel_workflow(
        self,
        workflow_id: str,
        statuses: Sequence[str] | None = None,
        *,
        dry_run: bool = False,
        actor: Actor | str | None = None,
        reason: str | None = None,
        occurred_at: datetime | None = None,
        command_id: str | None = None,
        max_retries: int = MAX_RETRIES,
        connection: Connection[Any] | None = None,
    ) -> WorkflowActionAnswer:
        """Cancel the tasks of a workflow that have not ended, or those in `statuses`, all in one transaction.

        Each goes to the status that its lifecycle names as `cancel_to`, with its active instances. A `dry_run` returns
        what would be recorded.

        Raises:
            UnknownEntity: the log has no such workflow.
            UnknownStatus: no machine of its lifecycles has one of the statuses.
            WrongLifecycle: a lifecycle names no `cancel_to`; nothing is written.
        """
        context = build_report_context(actor, reason, occurred_at, command_id)
        return self._act("cancel", workflow_id, statuses, dry_run, context, max_retries, connection)

    def _act(
        self,
        action: Action,
        workflow_id: str,
        statuses: Sequence[str] | None,
        dry_run: bool,
        context: ReportContext,
        max_retries: int,
        connection: Connection[Any] | None,
    ) -> WorkflowActionAnswer:
        check_id("workflow", workflow_id)
        asked = [statuses] if isinstance(statuses, str) else statuses and list(statuses)
        request = (f"{action}_workflow", workflow_id, asked, dry_run)
        unit = UnitOfWork.for_request(self._store, ROW, request, context, connection, max_retries)
        return act_on_workflow(unit, action, workflow_id, asked or None, context, dry_run=dry_run)

    def heartbeat(
        self,
        runner_id: str,
        seconds: float | None = None,
        *,
        actor: Actor | str | None = None,
        reason: str | None = None,
        occurred_at: datetime | None = None,
        command_id: str | None = None,
        max_retries: int = MAX_RETRIES,
        connection: Connection[Any] | None = None,
    ) -> HeartbeatAnswer:
        """Renew a runner's lease: it counts as alive for that many seconds.

        Without `seconds`, the shortest `runner_dead_after` of all lifecycles. If the lease had expired, the runner's
        lapse and its return are recorded.
        """
        check_id("runner", runner_id)
        lease_seconds = None if seconds is None else check_seconds(seconds)
        context = build_report_context(actor, reason, occurred_at, command_id)
        subject, request = f"the lease of runner {runner_id!r}", ("heartbeat", runner_id, lease_seconds)
        unit = UnitOfWork.for_request(
            self._store, subject, request, context, connection, max_retries, safe_to_retry=True
        )
        return leases.renew_runner(unit, runner_id, lease_seconds, context)

    def heartbeat_task_instances(
        self,
        report_by: Mapping[str, datetime] | Sequence[str],
        next_report_increment: float = NEXT_REPORT_SECONDS,
        *,
        actor: Actor | str | None = None,
        reason: str | None = None,
        occurred_at: datetime | None = None,
        command_id: str | None = None,
        max_retries: int = MAX_RETRIES,
        connection: Connection[Any] | None = None,
    ) -> HeartbeatsAnswer:
        """Renew the leases of task instances, given as {task instance id: the time by which it must report again}.

        Given as a sequence of ids, each must report again within `next_report_increment` seconds.
        """
        names = require_ids("task instance", report_by)
        times = {name: zoned(time) for name, time in report_by.items()} if isinstance(report_by, Mapping) else {}
        seconds = check_seconds(next_report_increment)
        context = build_report_context(actor, reason, occurred_at, command_id)
        request = ("heartbeat_task_instances", names, times, seconds)
        unit = UnitOfWork.for_request(
            self._store, "a task instance of this call", request, context, connection, max_retries, safe_to_retry=True
        )
        return leases.renew_task_instances(unit, names, times, seconds, context)

    def limit_concurrency(self, tag: str, slots: int | None) -> None:
        """Let up to `slots` tasks with the tag run at once (None: any number); tasks that run already go on.

        Raises:
            InvalidLimit: `slots` is not a whole number from 0 on.
        """
        limit_concurrency(self._store, tag, slots)

    def recover(
        self,
        *,
        dry_run: bool = False,
        max_pending_seconds: float | None = None,
        runner_dead_after: float | None = None,
        actor: Actor | str | None = None,
        reason: str | None = None,
    ) -> RecoverAnswer:
        """Requeue stuck tasks, each in a transaction of its own, and record missed heartbeats.

        `reason` is why somebody asked for it; the log keeps it after the reason of each recovery.

        A task is stuck if it is pending for longer than its lifecycle allows (or `max_pending_seconds`), or if its
        runner is silent for longer (or `runner_dead_after`). `dry_run` changes nothing, and returns the plan.

        Raises:
            InvalidDuration: a number of seconds is negative or longer than a century.
        """
        timeouts = RecoveryTimeouts(
            None if max_pending_seconds is None else check_seconds(max_pending_seconds, or_zero=True),
            None if runner_dead_after is None else check_seconds(runner_dead_after, or_zero=True),
        )
        return recover_tasks(self._store, build_report_context(actor or "recovery", reason), timeouts, dry_run=dry_run)

    def erase(
        self,
        actor: str,
        because: str,
        workflow_id: str | None = None,
        *,
        by: Actor | str | None = None,
        dry_run: bool = False,
    ) -> EraseAnswer:
        """Replace the actor, reasons and paths of what an actor of that name reported, in the log and in archives.

        It is the component or the user of the event's actor. `by` is who erases; without an Actor, this process. A
        `dry_run` returns what would be changed. Only the owner of the schema may erase.

        Raises:
            InvalidId: the actor is not a text.
            ErasureWithoutReason: `because` is empty.
            UnknownEntity: neither the log nor an archive has the workflow.
            ArchivingForbidden: the database user may not change events; nothing is changed.
            ArchiveDamaged: a file of an archive is missing or was changed.
            ForeignArchive: the folder of an archive is not here.
            RebuildRunning: the projections are rebuilt, or another process changes the archive.
        """
        return erase_actor(self._store, actor, because, workflow_id, by=by, dry_run=dry_run)


def _json_object(details: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return the details as they will be read back.

    Raises:
        InvalidDetails: the details are not JSON.
    """
    if not details:
        return None
    try:
        return cast("dict[str, Any]", storable_json(json.loads(json.dumps(dict(details), allow_nan=False))))
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidDetails(details, str(error)) from error
