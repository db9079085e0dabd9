"""Renew leases: a heartbeat shows that a runner or a task instance is alive, until its lease expires.

A heartbeat updates a row and is not an event. If the lease had expired, its lapse and the return are events; they are
recorded in the same transaction as the heartbeat, so that no silence is lost.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.rows import dict_row, namedtuple_row
from psycopg.sql import SQL

from application.shared.current_status import OnLocked, database_now
from application.shared.store import Store, chunked
from application.shared.unit_of_work import UnitOfWork
from application.write.answers import HeartbeatAnswer, HeartbeatsAnswer
from domain.entities.lapses import lapse_events
from domain.entities.runner import Runner
from domain.entities.silence import Silence
from domain.entities.task_instance import TaskInstance
from domain.entity import RUNNER, TASK_INSTANCE
from domain.errors import LeaseTooLong
from domain.report_context import ReportContext
from infrastructure.errors import RetriesExhausted
from infrastructure.loggers import get_logger
from infrastructure.sql import query

log = get_logger("lease")


class _Term(NamedTuple):
    """The end of a renewed lease: the time in `report_by`, or `seconds` from now where it has none."""

    report_by: Mapping[str, datetime]
    seconds: float


class _Renewal(NamedTuple):
    """The workflows of the active instances, the instances whose leases had expired, and those that have ended."""

    workflow_ids: dict[str, str]
    late: frozenset[str]
    ended: frozenset[str]


def renew_runner(unit: UnitOfWork, runner_id: str, seconds: float | None, context: ReportContext) -> HeartbeatAnswer:
    """Renew a runner's lease for a number of seconds (None: the shortest `runner_dead_after` of all lifecycles).

    Raises:
        LeaseTooLong: it would hold for longer than a lease may.
    """
    if seconds is not None and seconds > unit.store.max_lease_seconds:
        raise LeaseTooLong(runner_id, seconds, unit.store.max_lease_seconds)
    runner = Runner(runner_id)
    lease = {
        "holder": runner.stream,
        "workflow_id": runner.workflow_id,
        "seconds": seconds,
        "max_seconds": unit.store.max_lease_seconds,
        "occurred_at": context.occurred_at,
    }

    def renew(connection: Connection[Any], *, recorded: bool) -> datetime | None:
        parameters = lease | {"recorded": recorded, "alone": _is_alone(unit) and not recorded}
        row = connection.execute(query("infrastructure", "leases/renew_runner"), parameters, prepare=True).fetchone()
        return row[0] if row else None

    def renew_or_return(connection: Connection[Any]) -> HeartbeatAnswer:
        report_by = renew(connection, recorded=False)
        if report_by is not None:
            return {"report_by": report_by, "silent_since": None}
        with connection.transaction():
            before = lock_leases(connection, [runner.stream], OnLocked.NOWAIT)[runner.stream]
            runners = _read_runners(connection, [runner_id])
            silences = record_silences(unit.store, connection, RUNNER, runners, context, returned=True)
            report_by = renew(connection, recorded=True) or before
        unit.store.commit_notifier.notify()
        for silence in silences.get(runner_id, ()):
            log.info("runner:%s is back after a silence since %s", runner_id, silence.since.isoformat())
        return {"report_by": report_by, "silent_since": silences[runner_id][0].since if silences else None}

    answer = unit.run_statement(renew_or_return)
    return {"report_by": _as_time(answer["report_by"]), "silent_since": _as_time(answer["silent_since"])}


def renew_task_instances(
    unit: UnitOfWork,
    task_instance_ids: Sequence[str],
    report_by: Mapping[str, datetime],
    seconds: float,
    context: ReportContext,
) -> HeartbeatsAnswer:
    """Renew the leases of task instances, each until its time in `report_by`, or else for a number of seconds."""
    if unit.command is not None:
        return unit.run(
            lambda connection: renew_task_instances(
                unit.within(connection), task_instance_ids, report_by, seconds, context
            )
        )
    term = _Term(report_by, seconds)
    answer: HeartbeatsAnswer = {"heard": [], "returned": [], "ended": [], "locked": [], "not_found": []}
    for ids in chunked(task_instance_ids):
        found = unit.run_statement(partial(_renew_in_time, unit, ids, term, context))
        try:
            returned = unit.run_statement(partial(_renew_late, unit.store, found, term, context)) if found.late else ()
            late = frozenset[str]()
        except RetriesExhausted:
            returned, late = (), found.late
        for name in returned:
            log.info("ti:%s is back after a silence", name)
        answer["heard"] += [name for name in ids if name in found.workflow_ids and name not in late]
        answer["returned"] += [name for name in ids if name in returned]
        answer["ended"] += [name for name in ids if name in found.ended]
        answer["locked"] += [name for name in ids if name in late]
        answer["not_found"] += [name for name in ids if name not in found.workflow_ids and name not in found.ended]
    return answer


def _as_time(time: datetime | str | None) -> Any:
    """Return the time; the first answer of a command comes back from JSON, as text."""
    return datetime.fromisoformat(time) if isinstance(time, str) else time


def _is_alone(unit: UnitOfWork) -> bool:
    """Return whether a renewal is the whole transaction, which then commits without waiting for the disk."""
    return unit.connection is None and unit.command is None


def _renew_in_time(
    unit: UnitOfWork, ids: list[str], term: _Term, context: ReportContext, connection: Connection[Any]
) -> _Renewal:
    """Renew the leases that have not expired."""
    statement = query("projections", "leases/leases_of_instances")
    wanted = {"ids": ids, "occurred_at": context.occurred_at}
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        rows: list[Any] = cursor.execute(statement, wanted, prepare=True).fetchall()
    active = [row for row in rows if not _has_ended(unit.store, row.status, row.lifecycle, row.lifecycle_version)]
    workflow_ids = {row.task_instance_id: row.workflow_id for row in active}
    in_time = {row.task_instance_id: row.workflow_id for row in active if not row.lapsed}
    renewed = _renew(connection, in_time, term, rows[0].at, recorded=False, alone=_is_alone(unit)) if in_time else set()
    ended = frozenset(row.task_instance_id for row in rows) - workflow_ids.keys()
    return _Renewal(workflow_ids, frozenset(workflow_ids.keys() - renewed), ended)


def _renew_late(
    store: Store, found: _Renewal, term: _Term, context: ReportContext, connection: Connection[Any]
) -> set[str]:
    """Renew expired leases, and return the instances that had been silent."""
    with connection.transaction():
        instances = lock_task_instances(connection, found.late, OnLocked.NOWAIT)
        lock_leases(connection, [instance.stream for instance in instances.values()], OnLocked.NOWAIT)
        silences = record_silences(store, connection, TASK_INSTANCE, instances, context, returned=True)
        late = {name: found.workflow_ids[name] for name in instances}
        _renew(connection, late, term, _at(connection, context), recorded=True)
    store.commit_notifier.notify()
    return set(silences)


def record_silences(
    store: Store,
    connection: Connection[Any],
    kind: str,
    holders: Mapping[str, Runner | TaskInstance],
    context: ReportContext,
    *,
    returned: bool,
) -> dict[str, list[Silence]]:
    """Record the silences of locked holders that no event records yet, and return them; `returned` ends open ones."""
    recorded_at = database_now(connection)
    at = min(recorded_at, context.occurred_at or recorded_at)
    silences: dict[str, list[Silence]] = defaultdict(list)
    wanted = {"kind": kind, "ids": list(holders), "at": at}
    for name, since, until, heard_at in connection.execute(query("projections", "leases/unrecorded_silences"), wanted):
        silences[name].append(Silence(since, until or (at if returned else None), heard_at))
    events = [event for name, found in silences.items() for event in lapse_events(holders[name], found, context)]
    if events:
        entered = {holder.stream: holder.entered_at for holder in holders.values() if holder.entered_at}
        store.log.copy(connection, events, recorded_at, entered)
    return dict(silences)


def lock_leases(connection: Connection[Any], streams: Sequence[str], wait: OnLocked) -> dict[str, datetime]:
    """Lock the leases of those holders that have one, and return when each expires."""
    statement = SQL(query("infrastructure", "leases/lock")).format(wait=SQL(wait.value))
    return dict(connection.execute(statement, [list(streams)]).fetchall())


def lock_task_instances(connection: Connection[Any], ids: Collection[str], wait: OnLocked) -> dict[str, TaskInstance]:
    """Lock task instances, in the order of their ids."""
    statement = SQL(query("projections", "lock/instances_with_silence")).format(wait=SQL(wait.value))
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(statement, [list(ids)]).fetchall()
    instances = [TaskInstance(id=row.pop("task_instance_id"), **row) for row in rows]
    return {instance.id: instance for instance in instances}


def lock_runners(connection: Connection[Any], ids: Sequence[str], wait: OnLocked) -> dict[str, Runner]:
    """Lock the runners of those ids that have sent a heartbeat."""
    locked = lock_leases(connection, [Runner(name).stream for name in ids], wait)
    return _read_runners(connection, [stream.partition(":")[2] for stream in locked])


def _read_runners(connection: Connection[Any], ids: Sequence[str]) -> dict[str, Runner]:
    """Return runners as of their last events; a runner without events is alive."""
    runners = {name: Runner(name) for name in ids}
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(query("projections", "leases/runners"), [[one.stream for one in runners.values()]])
        return runners | {row["id"]: Runner(**row) for row in rows}


def _renew(
    connection: Connection[Any],
    workflow_ids: Mapping[str, str],
    term: _Term,
    at: datetime,
    *,
    recorded: bool,
    alone: bool = False,
) -> set[str]:
    parameters = {
        "ids": list(workflow_ids),
        "workflow_ids": list(workflow_ids.values()),
        "report_by": [term.report_by.get(name) for name in workflow_ids],
        "seconds": term.seconds,
        "at": at,
        "recorded": recorded,
        "alone": alone,
    }
    statement = query("infrastructure", "leases/renew_task_instances")
    return {row[0] for row in connection.execute(statement, parameters, prepare=True)}


def _has_ended(store: Store, status: str, lifecycle: str, version: int) -> bool:
    machine = store.lifecycles.by_key(lifecycle, version).instance
    return machine is not None and machine.is_terminal(status)


def _at(connection: Connection[Any], context: ReportContext) -> datetime:
    now = database_now(connection)
    return min(now, context.occurred_at or now)
