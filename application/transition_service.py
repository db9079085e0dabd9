"""The one way to change a status: TransitionService.

Every method is one transaction of its own, or takes part in the caller's with `connection=`: then it works behind
savepoints, and never commits or rolls back what the caller did. A service is safe to use from several threads.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, cast

from psycopg import Connection

from application.maintain.recover import RecoverAnswer, recover
from application.maintain.slots import limit_concurrency
from application.reading import Reading
from application.shared.current_status import OnLocked
from application.shared.report_context import report_of
from application.shared.retry import CONTENTION, UNIQUE_VIOLATION, retrying
from application.shared.slots_in_database import SlotsInDatabase
from application.shared.store import Store
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
)
from application.write.registration import TaskSpec
from application.write.single_transition import (
    SingleTransition,
    or_failure,
    task_answer,
    task_failure,
    task_instance_answer,
    task_instance_failure,
)
from domain.actor import Actor
from domain.decisions.decide import decide
from domain.decisions.decision import Family
from domain.decisions.proposals import GateRequest, InstanceReport, TaskRequest
from domain.decisions.recovery_plan import RecoveryTimeouts
from domain.entities.task import Task
from domain.entity import TASK, TASK_INSTANCE, Entity, check_id, check_ids
from domain.errors import InvalidDetails
from domain.lifecycles.lifecycle import Lifecycle
from domain.state import State
from domain.text import storable, storable_json
from domain.time import check_seconds, zoned

__all__ = ["TaskSpec", "TransitionService"]

MAX_RETRIES = 5

NEXT_REPORT_SECONDS = 300.0
"""For how long an instance's heartbeat holds, unless told."""

Answer = TypeVar("Answer")


class TransitionService(Reading):
    """Registers tasks, gates them, and takes every report of what they and their instances do."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @classmethod
    def connect(cls, dsn: str | None = None, *, max_size: int = 10) -> Self:
        """A service on the database of that DSN; None: SOJOURN_DSN, or else the embedded one."""
        return cls(Store.reach(dsn, max_size=max_size))

    @property
    def dsn(self) -> str:
        """Where the database is, for psycopg.connect."""
        return self._store.database.dsn

    @property
    def store(self) -> Store:
        """The store beneath, for reading."""
        return self._store

    def close(self) -> None:
        """Close every connection."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def register_tasks(
        self,
        workflow_id: str,
        tasks: Sequence[TaskSpec],
        lifecycle: str | Path | Lifecycle = "jobmon",
        *,
        actor: Actor | str | None = None,
        reason: str | None = None,
        occurred_at: datetime | None = None,
        connection: Connection[Any] | None = None,
    ) -> RegisterAnswer:
        """Register tasks under a lifecycle: a TOML file, or the name of one that ships with Sojourn or is in the log.

        Registering again with the same content has no effect; with other content it raises TaskConflict.
        """
        pinned = self._store.lifecycles.pin(self._store.lifecycles.find(lifecycle))
        report = report_of(actor, reason, occurred_at)
        return self._insert(
            "a task",
            connection,
            lambda used: registration.register_tasks(self._store, used, workflow_id, tasks, pinned, report),
        )

    def create_task_instances(
        self,
        instances: Mapping[str, str],
        *,
        actor: Actor | str | None = None,
        reason: str | None = None,
        occurred_at: datetime | None = None,
        connection: Connection[Any] | None = None,
    ) -> CreateAnswer:
        """Create task instances, given as {task instance id: task id}, in the machine's initial status."""
        report = report_of(actor, reason, occurred_at)
        return self._insert(
            "a task",
            connection,
            lambda used: registration.create_task_instances(self._store, used, instances, report),
        )

    def gate_tasks_for_queueing(
        self,
        task_ids: Sequence[str],
        *,
        actor: Actor | str | None = None,
        reason: str | None = None,
        occurred_at: datetime | None = None,
        max_retries: int = MAX_RETRIES,
        connection: Connection[Any] | None = None,
    ) -> GateAnswer:
        """Let tasks pass the gate of their lifecycle, where one more attempt begins; skip those that are locked."""
        names = check_ids("task", task_ids)
        report = report_of(actor, reason, occurred_at)
        with self._store.transaction(connection) as used:
            answer = bulk_transition.transition_tasks(
                self._store,
                used,
                names,
                lambda task: decide(Family(None, task), GateRequest(), report),
                OnLocked.SKIP_LOCKED,
                max_retries,
            )
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
        connection: Connection[Any] | None = None,
    ) -> BulkAnswer:
        """Move tasks to a status in the name of `runner_id`, each if its own machine, its owner and its rules let it.

        In `invalid` are also those for which a rule put another state in the place of the status.
        Tasks that others hold are skipped with `use_skip_locked`; without it, a chunk of which any task stays
        locked for `max_retries` attempts is left as it is, and all of it is in `locked`.
        """
        names = check_ids("task", task_ids)
        report = report_of(actor, reason, occurred_at)
        wait = OnLocked.SKIP_LOCKED if use_skip_locked else OnLocked.NOWAIT
        runner_id = _runner(runner_id)
        with self._store.transaction(connection) as used:
            slots = SlotsInDatabase(used)
            request = TaskRequest(to_status, increment_attempts, runner_id)
            return bulk_transition.transition_tasks(
                self._store,
                used,
                names,
                lambda task: decide(Family(None, task), request, report, slots),
                wait,
                max_retries,
            )

    def transition_task_instances(
        self,
        task_instance_ids: Sequence[str],
        to_status: str,
        *,
        actor: Actor | str | None = None,
        reason: str | None = None,
        occurred_at: datetime | None = None,
        max_retries: int = MAX_RETRIES,
        connection: Connection[Any] | None = None,
    ) -> BulkAnswer:
        """Move task instances to a status, and their tasks with them."""
        names = check_ids("task instance", task_instance_ids)
        report = report_of(actor, reason, occurred_at)
        with self._store.transaction(connection) as used:
            return bulk_transition.transition_task_instances(self._store, used, names, to_status, report, max_retries)

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
        connection: Connection[Any] | None = None,
    ) -> TaskInstanceAnswer:
        """Take the report that a task instance is in a status, and see to what follows for its task.

        `current_ti_status` is what the reporter believes it to be in: the log decides, and keeps a claim that
        differs. `report_by_date` is until when it must be heard of again.
        """
        check_id("task instance", task_instance_id)
        report = report_of(actor, reason, occurred_at, command_id)
        by = _zoned(report_by_date)
        single = SingleTransition(
            self._store,
            Entity(TASK_INSTANCE, task_instance_id),
            lambda used, lock: self._store.status.family(used, task_instance_id, lock=lock),
            lambda _, found: decide(Family(*found), InstanceReport(to_status, current_ti_status, by), report),
            task_instance_answer,
            report,
            (
                "transition_task_instance",
                task_instance_id,
                to_status,
                current_ti_status,
                by,
                reason,
                occurred_at,
            ),
        )
        answer = or_failure(lambda: single.carry_out(connection, max_retries), task_instance_failure)
        return cast("TaskInstanceAnswer", answer)

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
        max_retries: int = MAX_RETRIES,
        connection: Connection[Any] | None = None,
    ) -> TaskAnswer:
        """Propose that a task go to a status, for lifecycles whose tasks report for themselves.

        `runner_id` is in whose name it is proposed, where tasks have owners. `state_name`, `scheduled_time` and
        `details` (JSON) are what its rules read beside the status: `details["transition_id"]`, `details["result"]`.
        Raises RuleFailed where a rule does, and writes nothing then.
        """
        check_id("task", task_id)
        runner_id = _runner(runner_id)
        report = report_of(actor, reason, occurred_at, command_id)
        further = (_zoned(scheduled_time), _json_object(details))
        proposed = _proposed(to_status, state_name, *further)
        single = SingleTransition(
            self._store,
            Entity(TASK, task_id),
            lambda used, lock: self._task_alone(used, task_id, lock=lock),
            lambda used, found: decide(
                Family(*found), TaskRequest(proposed, runner_id=runner_id), report, SlotsInDatabase(used)
            ),
            task_answer,
            report,
            (
                "transition_task",
                task_id,
                to_status,
                runner_id,
                state_name,
                reason,
                occurred_at,
                *(further if any(further) else ()),
            ),
        )
        answer = or_failure(lambda: single.carry_out(connection, max_retries), task_failure)
        return cast("TaskAnswer", answer)

    def reset_tasks(
        self,
        task_ids: Sequence[str],
        reset_if_running: bool = False,
        actor: Actor | str | None = None,
        reason: str | None = None,
        *,
        occurred_at: datetime | None = None,
        max_retries: int = MAX_RETRIES,
        connection: Connection[Any] | None = None,
    ) -> ResetAnswer:
        """Send tasks back to their beginning for a resumed workflow, and tell their active instances to end.

        What is done stays; what runs stays unless `reset_if_running`, and so does what its lifecycle does not reset.
        """
        names = check_ids("task", task_ids)
        report = report_of(actor, reason, occurred_at)
        with self._store.transaction(connection) as used:
            return bulk_transition.reset_tasks(
                self._store,
                used,
                names,
                report,
                reset_if_running=reset_if_running,
                max_retries=max_retries,
            )

    def heartbeat(
        self,
        runner_id: str,
        seconds: float | None = None,
        *,
        actor: Actor | str | None = None,
        reason: str | None = None,
        occurred_at: datetime | None = None,
        max_retries: int = MAX_RETRIES,
        connection: Connection[Any] | None = None,
    ) -> HeartbeatAnswer:
        """Take a runner's word that it is there, which holds for so many seconds.

        Unless told, it holds for as long as the lifecycle that is most impatient with silent runners waits. A runner
        that had been silent for longer returns: its lapse and its return are recorded.
        """
        check_id("runner", runner_id)
        holds = None if seconds is None else check_seconds(seconds)
        report = report_of(actor, reason, occurred_at)
        return leases.renew_runner(self._store, runner_id, holds, report, connection, max_retries)

    def heartbeat_task_instances(
        self,
        report_by: Mapping[str, datetime] | Sequence[str],
        next_report_increment: float = NEXT_REPORT_SECONDS,
        *,
        actor: Actor | str | None = None,
        reason: str | None = None,
        occurred_at: datetime | None = None,
        max_retries: int = MAX_RETRIES,
        connection: Connection[Any] | None = None,
    ) -> HeartbeatsAnswer:
        """Take the word of task instances that they go on, with the time until which each must be heard of again.

        It is given as {task instance id: time}, or as ids that all have so many seconds from now.
        """
        names = check_ids("task instance", report_by)
        promised = {name: zoned(time) for name, time in report_by.items()} if isinstance(report_by, Mapping) else {}
        seconds = check_seconds(next_report_increment)
        report = report_of(actor, reason, occurred_at)
        return leases.renew_task_instances(self._store, names, promised, seconds, report, connection, max_retries)

    def limit_concurrency(self, tag: str, slots: int | None) -> None:
        """Let at most so many tasks with the tag run at once (None: any number); those that run already go on.

        Raises InvalidLimit.
        """
        limit_concurrency(self._store, tag, slots)

    def recover(
        self,
        *,
        dry_run: bool = False,
        max_pending_seconds: float | None = None,
        runner_dead_after: float | None = None,
        actor: Actor | str | None = None,
    ) -> RecoverAnswer:
        """Send tasks that were left behind on their way, each in a transaction of its own; record who is silent.

        They were pending for too long, or their runner is silent for too long: as long as their lifecycle says, or
        for so many seconds. `dry_run` only says what would be done.
        """
        patience = RecoveryTimeouts(
            None if max_pending_seconds is None else check_seconds(max_pending_seconds, or_zero=True),
            None if runner_dead_after is None else check_seconds(runner_dead_after, or_zero=True),
        )
        return recover(self._store, report_of(actor or "recovery", None, None), patience, dry_run=dry_run)

    def _task_alone(self, used: Connection[Any], task_id: str, *, lock: bool) -> tuple[None, Task] | None:
        task = self._store.status.task(used, task_id, lock=lock)
        return (None, task) if task else None

    def _insert(
        self, what: str, connection: Connection[Any] | None, insert: Callable[[Connection[Any]], Answer]
    ) -> Answer:
        def attempt() -> Answer:
            with self._store.transaction(connection, repeatable=True) as used:
                return insert(used)

        # Two who insert the same at once: one meets the other's row, looks again, and finds it there.
        return retrying(what, attempt, max_retries=MAX_RETRIES, curable=CONTENTION | {UNIQUE_VIOLATION})


def _runner(runner_id: str | None) -> str | None:
    return check_id("runner", runner_id) if runner_id else None


def _proposed(
    status: str, name: str | None, scheduled_time: datetime | None, details: dict[str, Any] | None
) -> State | str:
    called = storable(name) if name else None
    if called is None and scheduled_time is None and not details:
        return status
    return State(type=status, name=called, scheduled_time=scheduled_time, details=details or {})


def _json_object(details: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The details as they will be read back; raises InvalidDetails."""
    if not details:
        return None
    try:
        return cast("dict[str, Any]", storable_json(json.loads(json.dumps(dict(details), allow_nan=False))))
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidDetails(details, str(error)) from error


def _zoned(time: datetime | None) -> datetime | None:
    return zoned(time) if time is not None else None
