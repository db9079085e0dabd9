"""Write reports: read the entity, decide, and append the events of the decision.

A single report takes two round trips: a read, and an append that takes the locks, compares versions and writes. The
read is saved where this process has just written the same entity. If the log has moved on in between, the report is
decided again under the locks; if its rules take slots, which tasks share, it is decided under the locks at once. Many
reports that arrive together share one transaction, but each is decided and answered on its own.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar, cast

import psycopg
from psycopg import Connection

from application.shared.current_status import OnLocked, database_now
from application.shared.entity_cache import KnownEntity
from application.shared.entry_clocks import read_clock_of_known, read_clocks_of_families
from application.shared.retry import MAX_RETRIES, UNIQUE_VIOLATION, reporting_loss
from application.shared.slots_in_database import SlotsInDatabase
from application.shared.store import Store
from application.shared.suggestions import require_unarchived
from application.shared.unit_of_work import CommandRequest, UnitOfWork, commits_by_itself
from application.write.answers import TaskInstanceAnswer
from application.write.reports import Answer, Report, TaskInstanceReport
from domain.decisions.decide import decide
from domain.decisions.decision import Decision, Family
from domain.entities.events import Event
from domain.entities.task import Task
from domain.entities.task_instance import TaskInstance
from domain.entity import Entity
from domain.errors import UnknownStatus
from domain.rules.rulebook import reads_clock, takes_slots
from domain.time import entry_time, is_future
from infrastructure.errors import ConnectionLost, DatabaseUnreachable, RetriesExhausted
from infrastructure.log.event_log import STALE
from infrastructure.loggers import get_logger

log = get_logger("report")

Recorded = TypeVar("Recorded", TaskInstance, Task)


class Written(NamedTuple, Generic[Answer]):
    """The answer to a report, and the entity after the append (None where nothing was appended)."""

    answer: Answer
    after: KnownEntity | None = None


def write_one(
    store: Store, report: Report[Answer], *, connection: Connection[Any] | None = None, max_retries: int = MAX_RETRIES
) -> Answer:
    """Write one report and return its answer, which has an error where the entity is unknown or stays locked.

    Raises:
        UnknownStatus: no machine of the entity's lifecycle has a status that the report names.
        Archived: the entity is in an archive.
        FutureTime: it occurs in the future.
        CommandConflict: its command id came with another request.
    """
    command = CommandRequest.of(report.context.command_id, report.request())
    unit = UnitOfWork(
        store,
        f"{report.entity.title} or what it belongs to",
        connection,
        max_retries,
        safe_to_retry=command is not None,
        names_holders=False,
    )
    written, is_shared = None, False
    try:
        if unit.owns_transaction:
            try:
                written = unit.run_statement(partial(_try_without_locks, store, report, command))
            except _Outdated:
                is_shared = True
        if written is None:
            written = unit.run(partial(_decide_and_append, store, report, command, lock=True))
    except RetriesExhausted:
        return report.failure("max_retries_exceeded")
    # What others report on too is read the next time: that costs less than a decision on an outdated entity.
    if connection is None and written.after is not None and not is_shared:
        store.entity_cache.put(report.entity, written.after)
    store.commit_notifier.notify()
    return written.answer


def _try_without_locks(
    store: Store, report: Report[Answer], command: CommandRequest | None, connection: Connection[Any]
) -> Written[Answer] | None:
    """Write the report, or return None where it can only be decided under the locks."""
    try:
        return _decide_and_append(store, report, command, connection, lock=False)
    except _NeedsLocks:
        return None
    except psycopg.Error as error:
        if error.sqlstate in (STALE, UNIQUE_VIOLATION):
            raise _Outdated from error
        raise


def _decide_and_append(
    store: Store, report: Report[Answer], command: CommandRequest | None, connection: Connection[Any], *, lock: bool
) -> Written[Answer]:
    found = None if lock else _recall(store, report.entity)
    remembered = found is not None
    if found is None:
        known = command and command.first_answer(connection)
        if known is not None:
            return Written(cast("Answer", known))
        found = report.read(store.status, connection, lock=lock)
        if found is None:
            require_unarchived(connection, report.entity.kind, [report.entity.id])
            return Written(report.failure("not_found"))
    report.check_statuses(found[1].lifecycle)
    found = read_clock_of_known(connection, found, report.context.occurred_at)
    if not lock and takes_slots(found[1]):
        raise _NeedsLocks
    instance, task = found
    now = database_now(connection) if instance is None and reads_clock(task, report.to_status) else None
    context = store.at_decision(report.context, now)
    decision = decide(Family(*found), report.proposal, context, SlotsInDatabase(connection))
    answer = report.answer(decision)
    settled = report.settles(decision)
    # The append keeps no answer to what is not settled: it would not find that another call has carried it out.
    if command and not settled and (known := command.first_answer(connection)) is not None:
        return Written(cast("Answer", known))
    answered = command.answered(answer) if command and settled else None
    with reporting_loss(safe_to_retry=command is not None or not commits_by_itself(connection)):
        recorded_at = store.log.append(connection, task, instance, decision.events, answered, remembered=remembered)
    _log_refusal(report, decision)
    moved = decision.instance and _recorded(decision.instance, decision.events, recorded_at)
    return Written(answer, (moved, _recorded(decision.task, decision.events, recorded_at)))


def _recorded(entity: Recorded, events: Sequence[Event], recorded_at: datetime) -> Recorded:
    """Return the entity with the time at which it entered its status, which the append has set."""
    if not any(event.is_transition and event.stream == entity.stream for event in events):
        return entity
    entered_at = entry_time(events[0].occurred_at or recorded_at, entity.entered_at)
    return entity._replace(entered_at=entered_at, entered_clock=None)


def _recall(store: Store, entity: Entity) -> KnownEntity | None:
    """Return what is remembered of an entity, or None where its lifecycle may have another definition by now."""
    known = store.entity_cache.pop(entity)
    return known if known and store.lifecycles.is_current(known[1].lifecycle) else None


def _log_refusal(report: Report[Any], decision: Decision) -> None:
    if decision.refused:
        log.info("refused %s -> %s: rule %s", report.entity, report.to_status, decision.rule)


class _Outdated(Exception):
    """The log has moved on since the entity was read or cached."""


class _NeedsLocks(Exception):
    """The rules take slots, so the report must be decided while the task is locked."""


def write_many(store: Store, reports: Sequence[TaskInstanceReport]) -> list[TaskInstanceAnswer | None]:
    """Write reports in one transaction and return their answers, with None for each that must be written alone.

    These are reports of locked instances, so that the others need not wait, of unknown instances, any further report of
    the same instance, and reports that will raise an error. If one report fails, all must be written alone, so that it
    fails no other.

    Raises:
        ConnectionLost: the connection broke during the commit, so writing them again could write them twice.
        DatabaseUnreachable: the database cannot be reached.
    """
    if len(reports) == 1:
        answer = write_one(store, reports[0], max_retries=1)
        return [None if answer["error"] == "max_retries_exceeded" else answer]
    try:
        return _append_together(store, reports)
    except ConnectionLost as error:
        if not error.safe_to_retry:
            raise
    except DatabaseUnreachable:
        raise
    except Exception:  # noqa: S110 - the report that fails raises its error when it is written alone
        pass
    return [None] * len(reports)


def _append_together(store: Store, reports: Sequence[TaskInstanceReport]) -> list[TaskInstanceAnswer | None]:
    answers: dict[int, TaskInstanceAnswer] = {}
    with store.transaction() as connection:
        ids = list({report.task_instance_id for report in reports})
        families = _with_clocks(connection, store.status.lock_families(connection, ids, OnLocked.SKIP_LOCKED), reports)
        entered = {member.stream: member.entered_at for family in families for member in family if member.entered_at}
        now = database_now(connection)
        timely = [
            (number, report)
            for number, report in enumerate(reports)
            if report.context.occurred_at is None
            or not is_future(report.context.occurred_at, now, store.clock_tolerance)
        ]
        store.log.copy(connection, _decide_together(store, timely, families, answers), now, entered)
    return [answers.get(number) for number in range(len(reports))]


def _with_clocks(
    connection: Connection[Any],
    families: Sequence[tuple[TaskInstance, Task]],
    reports: Sequence[TaskInstanceReport],
) -> list[tuple[TaskInstance, Task]]:
    earliest = min((report.context.occurred_at for report in reports if report.context.occurred_at), default=None)
    return read_clocks_of_families(connection, families, earliest)


def _decide_together(
    store: Store,
    reports: Sequence[tuple[int, TaskInstanceReport]],
    families: Sequence[tuple[TaskInstance, Task]],
    answers: dict[int, TaskInstanceAnswer],
) -> Iterator[Event]:
    # Instances may share a task: each report is decided on the task as the report before has left it.
    tasks: dict[str, Task] = {task.id: task for _, task in families}
    instances: dict[str, TaskInstance] = {instance.id: instance for instance, _ in families}
    for number, report in reports:
        instance = instances.pop(report.task_instance_id, None)
        if instance is None or not _names_known_statuses(report, tasks[instance.task_id]):
            continue
        context = store.at_decision(report.context)
        decision = decide(Family(instance, tasks[instance.task_id]), report.proposal, context)
        tasks[instance.task_id] = decision.task
        answers[number] = report.answer(decision)
        _log_refusal(report, decision)
        yield from decision.events


def _names_known_statuses(report: TaskInstanceReport, task: Task) -> bool:
    try:
        report.check_statuses(task.lifecycle)
    except UnknownStatus:
        return False
    return True
