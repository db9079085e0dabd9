"""Requeue tasks that are stuck, and record the missed heartbeats of runners and task instances.

Each task is recovered in a transaction of its own, under its lock. A task that changes meanwhile, that others hold, or
whose decision fails is reported as skipped; the recovery of the other tasks goes on.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from logging import INFO, WARNING
from typing import Any, TypedDict

import psycopg
from psycopg import Connection

from application.shared.current_status import OnLocked
from application.shared.retry import LOCK_NOT_AVAILABLE
from application.shared.slots_in_database import SlotsInDatabase
from application.shared.store import Store
from application.write.leases import lock_runners, lock_task_instances, record_silences
from domain.decisions.decide import decide
from domain.decisions.decision import Decision, Family
from domain.decisions.recovery_plan import LIFECYCLE_TIMEOUTS, RecoveryPlan, RecoveryTimeouts, plan_recovery
from domain.entities.runner import Runner
from domain.entities.task import Task
from domain.entities.task_instance import TaskInstance
from domain.entity import RUNNER, TASK, TASK_INSTANCE, Entity
from domain.errors import SojournError
from domain.lifecycles.lifecycle import Lifecycle
from domain.lifecycles.ownership import StatusRecord
from domain.report_context import ReportContext
from infrastructure.errors import DatabaseUnreachable
from infrastructure.loggers import get_logger
from infrastructure.sql import query

log = get_logger("recovery")
lease_log = get_logger("lease")

PAGE = 500
"""The number of tasks that are read at a time, and of lapses that one transaction records."""

LOCKED = "others hold it"

Key = tuple[str, int]

Recovered = TypedDict(
    "Recovered", {"entity": str, "from": str, "to": str, "way": list[str], "owner": str | None, "reason": str}
)
"""A recovered task: its status before, the statuses on its way to the last one, its owner, and why."""


class Skipped(TypedDict):
    """An entity that was skipped, and why; `failed` where the cause is an error, not another transaction or a rule."""

    entity: str
    why: str
    failed: bool


class Lapsed(TypedDict):
    """A runner or task instance that is silent, and since when."""

    entity: str
    since: datetime


class RecoverAnswer(TypedDict):
    """The effect of a recovery, or of a dry run what it would be."""

    recovered: list[Recovered]
    skipped: list[Skipped]
    lapsed: list[Lapsed]


class SkippedTask(SojournError):
    """Raised when a task is not recovered after all; a recovery reports it as skipped.

    Fix: nothing, because its status has changed or a rule refuses the recovery.
    """


def recover_tasks(
    store: Store,
    context: ReportContext,
    timeouts: RecoveryTimeouts = LIFECYCLE_TIMEOUTS,
    *,
    dry_run: bool = False,
    task_ids: Iterable[str] | None = None,
) -> RecoverAnswer:
    """Recover tasks (None: all that `find_recoverable_tasks` finds), and record missed heartbeats.

    `dry_run` changes nothing, and returns the plan.
    """
    answer: RecoverAnswer = {"recovered": [], "skipped": [], "lapsed": []}
    _record_lapses(store, context, answer, dry_run=dry_run)
    lifecycles = _lifecycles(store, timeouts)
    tasks = task_ids if task_ids is not None else find_recoverable_tasks(store, timeouts)
    for task_id in tasks:
        try:
            answer["recovered"].append(_recover(store, task_id, lifecycles, context, dry_run=dry_run))
        except DatabaseUnreachable:
            raise
        except Exception as error:  # the recovery of the other tasks goes on
            answer["skipped"].append(_skipped(Entity(TASK, task_id), error))
    if not dry_run:
        _log(answer)
    return answer


def _log(answer: RecoverAnswer) -> None:
    for task in answer["recovered"]:
        log.info("recovered %s: %s -> %s, %s", task["entity"], task["from"], task["to"], task["reason"])
    for entity in answer["skipped"]:
        log.log(WARNING if entity["failed"] else INFO, "skipped %s: %s", entity["entity"], entity["why"])
    for lapse in answer["lapsed"]:
        lease_log.info("%s has been silent since %s", lapse["entity"], lapse["since"].isoformat())


def _recover(
    store: Store, task_id: str, lifecycles: Mapping[Key, Lifecycle], context: ReportContext, *, dry_run: bool
) -> Recovered:
    with store.session() as connection, connection.transaction(force_rollback=dry_run):
        task = store.status.task(connection, task_id, lock=not dry_run)
        decided = task and _decide(connection, task, lifecycles, context)
        if not task or not decided:
            raise SkippedTask("its status has changed since")
        plan, decision = decided
        if decision.refused:
            why = f": {decision.outcome.reason}" if decision.outcome.reason else ""
            raise SkippedTask(f"rule {decision.rule!r} refuses it{why}")
        if not dry_run:
            store.log.append(connection, task, None, decision.events)
    store.commit_notifier.notify()
    return {
        "entity": str(task.entity),
        "from": task.status,
        "to": decision.task.status,
        "way": [event.status for event in decision.events],
        "owner": task.owner,
        "reason": plan.reason,
    }


def _decide(
    connection: Connection[Any], task: Task, lifecycles: Mapping[Key, Lifecycle], context: ReportContext
) -> tuple[RecoveryPlan, Decision] | None:
    """Return the plan and the decision for a task, or None where it needs no recovery."""
    now, heartbeat_at, lease_ends_at = connection.execute(
        query("projections", "leases/last_heartbeat"), [task.owner], prepare=True
    ).fetchall()[0]
    record = StatusRecord(task.status, task.owner, task.entered_at or now)
    plan = plan_recovery(lifecycles[task.lifecycle.key], record, now, heartbeat_at, lease_ends_at)
    if plan is None:
        return None
    return plan, decide(Family(None, task), plan, replace(context, now=now), SlotsInDatabase(connection))


def _lifecycles(store: Store, timeouts: RecoveryTimeouts) -> dict[Key, Lifecycle]:
    """Return the lifecycles with a recovery, by their keys."""
    with store.session() as connection:
        keys: list[Key] = connection.execute(query("infrastructure", "lifecycles/with_recovery")).fetchall()
    return {key: timeouts.override(store.lifecycles.by_key(*key)) for key in keys}


def find_recoverable_tasks(store: Store, timeouts: RecoveryTimeouts = LIFECYCLE_TIMEOUTS) -> Iterator[str]:
    """Yield the ids of tasks that may need recovery, in their order, page by page."""
    wanted = _recoverable_statuses(_lifecycles(store, timeouts).values()) | {"after": "", "limit": PAGE}
    while True:
        with store.session() as connection:
            page = [row[0] for row in connection.execute(query("projections", "leases/recoverable_tasks"), wanted)]
        yield from page
        if len(page) < PAGE:
            return
        wanted["after"] = page[-1]


def _recoverable_statuses(lifecycles: Iterable[Lifecycle]) -> dict[str, Any]:
    """Return the statuses that a recovery leads out of, and how long it waits in each, as columns."""
    columns: dict[str, list[Any]] = {
        name: [] for name in ("lifecycles", "versions", "statuses", *RecoveryTimeouts._fields, "needs_heartbeat")
    }
    for lifecycle in lifecycles:
        recovery = lifecycle.recovery
        assert recovery is not None
        for status in recovery.overdue | recovery.abandoned | recovery.unfinished:
            unfinished = status in recovery.unfinished
            row = (
                *lifecycle.key,
                status,
                recovery.max_pending_seconds if status in recovery.overdue and not unfinished else None,
                recovery.runner_dead_after if status in recovery.abandoned and not unfinished else None,
                recovery.needs_heartbeat,
            )
            for column, value in zip(columns.values(), row, strict=True):
                column.append(value)
    return columns


def _record_lapses(store: Store, context: ReportContext, answer: RecoverAnswer, *, dry_run: bool) -> None:
    """Record the lapses that are not recorded yet."""
    with store.session() as connection:
        silent = iter(connection.execute(query("projections", "leases/unrecorded_lapses")).fetchall())
    while page := {Entity(kind, name): since for kind, name, since in islice(silent, PAGE)}:
        recorded: Collection[Entity] = page
        if not dry_run:
            recorded, skipped = _record_lapses_of(store, list(page), context)
            answer["skipped"] += skipped
        answer["lapsed"] += [{"entity": str(entity), "since": page[entity]} for entity in page if entity in recorded]


def _record_lapses_of(
    store: Store, entities: Sequence[Entity], context: ReportContext
) -> tuple[Collection[Entity], list[Skipped]]:
    """Record lapses; return the entities whose lapse was not recorded before, and those that were skipped."""
    recorded: set[Entity] = set()
    try:
        with store.transaction() as connection:
            held: dict[str, Mapping[str, Runner | TaskInstance]] = {
                TASK_INSTANCE: lock_task_instances(connection, _ids(entities, TASK_INSTANCE), OnLocked.SKIP_LOCKED),
                RUNNER: lock_runners(connection, _ids(entities, RUNNER), OnLocked.SKIP_LOCKED),
            }
            for kind, holders in held.items():
                found = record_silences(store, connection, kind, holders, context, returned=False)
                # Another pass may have recorded the lapse since it was read here that nobody had.
                recorded |= {Entity(kind, name) for name in found if holders[name].silent_since is None}
    except DatabaseUnreachable:
        raise
    except Exception as error:  # the recovery of the tasks goes on
        return (), [_skipped(entity, error) for entity in entities]
    return recorded, [_skip(entity, LOCKED) for entity in entities if entity.id not in held[entity.kind]]


def _ids(entities: Sequence[Entity], kind: str) -> list[str]:
    return [entity.id for entity in entities if entity.kind == kind]


def _skipped(entity: Entity, error: Exception) -> Skipped:
    if isinstance(error, SkippedTask):
        return _skip(entity, str(error))
    if isinstance(error, psycopg.Error) and error.sqlstate == LOCK_NOT_AVAILABLE:
        return _skip(entity, LOCKED)
    why = f"its recovery failed: {type(error).__name__}: {error}"
    return {"entity": str(entity), "why": " ".join(why.split()), "failed": True}


def _skip(entity: Entity, why: str) -> Skipped:
    return {"entity": str(entity), "why": why, "failed": False}
