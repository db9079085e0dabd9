"""Leases: a heartbeat says that a runner or a task instance is there, and until when it need not say so again.

A heartbeat is a row written anew, and no event. Where the lease had run out, the lapse and the return are events: they
are recorded with it, in one transaction, so that no silence is ever forgotten.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple, TypeVar

from psycopg import Connection
from psycopg.sql import SQL

from application.shared.current_status import OnLocked, database_now
from application.shared.retry import CONTENTION, SERIALIZATION_FAILURE, retrying
from application.shared.store import Store, chunked
from application.write.answers import HeartbeatAnswer, HeartbeatsAnswer
from domain.entities.lapses import lapse_events
from domain.entities.runner import Runner
from domain.entities.silence import Silence
from domain.entities.task_instance import TaskInstance
from domain.entity import RUNNER, TASK_INSTANCE
from domain.report_context import ReportContext
from infrastructure.errors import RetriesExhausted
from infrastructure.loggers import get_logger
from infrastructure.sql import query

log = get_logger("lease")

Answer = TypeVar("Answer")


class _Until(NamedTuple):
    """Until when a heartbeat holds: the time that is told of an instance, or else so many seconds."""

    report_by: Mapping[str, datetime]
    seconds: float


class _Found(NamedTuple):
    """The instances that go on, with their workflows; those of them whose leases had run out; and those that ended."""

    workflow_ids: dict[str, str]
    late: frozenset[str]
    ended: frozenset[str]


def renew_runner(
    store: Store,
    runner_id: str,
    seconds: float | None,
    report: ReportContext,
    connection: Connection[Any] | None,
    max_retries: int,
) -> HeartbeatAnswer:
    """Take a runner's heartbeat, which holds for so many seconds."""
    runner = Runner(runner_id)
    told = {
        "holder": runner.stream,
        "workflow_id": runner.workflow_id,
        "seconds": seconds,
        "occurred_at": report.occurred_at,
    }

    def renewed(used: Connection[Any], *, recorded: bool) -> datetime | None:
        wanted = told | {"recorded": recorded, "alone": connection is None and not recorded}
        row = used.execute(query("infrastructure", "leases/renew_runner"), wanted, prepare=True).fetchone()
        return row[0] if row else None

    def attempt(used: Connection[Any]) -> HeartbeatAnswer:
        report_by = renewed(used, recorded=False)
        if report_by is not None:
            return {"report_by": report_by, "silent_since": None}
        with used.transaction():
            before = lock_leases(used, [runner.stream], OnLocked.NOWAIT)[runner.stream]
            silences = record_silences(store, used, RUNNER, _read_runners(used, [runner_id]), report, heard=True)
            report_by = renewed(used, recorded=True) or before
        store.bell.notify()
        for silence in silences.get(runner_id, ()):
            log.info("runner:%s is back after a silence since %s", runner_id, silence.since.isoformat())
        return {"report_by": report_by, "silent_since": silences[runner_id][0].since if silences else None}

    return _retried(store, f"the lease of runner {runner_id!r}", attempt, connection, max_retries)


def renew_task_instances(
    store: Store,
    task_instance_ids: Sequence[str],
    report_by: Mapping[str, datetime],
    seconds: float,
    report: ReportContext,
    connection: Connection[Any] | None,
    max_retries: int,
) -> HeartbeatsAnswer:
    """Take the heartbeats of task instances, which hold until the time that is told of each, or for so many seconds."""
    until = _Until(report_by, seconds)
    answer: HeartbeatsAnswer = {"heard": [], "returned": [], "ended": [], "locked": [], "not_found": []}
    retried = partial(_retried, store, "a task instance of this call", connection=connection, max_retries=max_retries)
    for ids in chunked(task_instance_ids):
        found = retried(partial(_renew_in_time, store, ids, until, report, alone=connection is None))
        try:
            returned = retried(partial(_renew_late, store, found, until, report)) if found.late else ()
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


def _renew_in_time(
    store: Store, ids: list[str], until: _Until, report: ReportContext, used: Connection[Any], *, alone: bool
) -> _Found:
    """Renew the leases that have not run out."""
    wanted = {"ids": ids, "occurred_at": report.occurred_at}
    rows = used.execute(query("projections", "leases/leases_of_instances"), wanted, prepare=True).fetchall()
    going_on = [row for row in rows if not _has_ended(store, *row[2:5])]
    workflow_ids = {row[0]: row[1] for row in going_on}
    in_time = {row[0]: row[1] for row in going_on if not row[5]}
    renewed = _renew(used, in_time, until, rows[0][6], recorded=False, alone=alone) if in_time else set()
    ended = frozenset(row[0] for row in rows) - workflow_ids.keys()
    return _Found(workflow_ids, frozenset(workflow_ids.keys() - renewed), ended)


def _renew_late(store: Store, found: _Found, until: _Until, report: ReportContext, used: Connection[Any]) -> set[str]:
    """Renew leases that had run out, and answer with those that return from a silence."""
    with used.transaction():
        instances = lock_task_instances(used, found.late, OnLocked.NOWAIT)
        lock_leases(used, [instance.stream for instance in instances.values()], OnLocked.NOWAIT)
        silences = record_silences(store, used, TASK_INSTANCE, instances, report, heard=True)
        late = {name: found.workflow_ids[name] for name in instances}
        _renew(used, late, until, _at(used, report), recorded=True)
    store.bell.notify()
    return set(silences)


def record_silences(
    store: Store,
    used: Connection[Any],
    kind: str,
    holders: Mapping[str, Runner | TaskInstance],
    report: ReportContext,
    *,
    heard: bool,
) -> dict[str, list[Silence]]:
    """Record what silences of locked holders are not recorded yet, and answer with them; they end where `heard`."""
    recorded_at = database_now(used)
    at = min(recorded_at, report.occurred_at or recorded_at)
    silences: dict[str, list[Silence]] = defaultdict(list)
    wanted = {"kind": kind, "ids": list(holders), "at": at}
    for name, since, until, heard_at in used.execute(query("projections", "leases/unrecorded_silences"), wanted):
        silences[name].append(Silence(since, until or (at if heard else None), heard_at))
    events = [event for name, told in silences.items() for event in lapse_events(holders[name], told, report)]
    if events:
        entered = {holder.stream: holder.entered_at for holder in holders.values() if holder.entered_at}
        store.log.copy(used, events, recorded_at, entered)
    return dict(silences)


def lock_leases(used: Connection[Any], streams: Sequence[str], wait: OnLocked) -> dict[str, datetime]:
    """Lock the leases that there are, and answer with when they end."""
    statement = SQL(query("infrastructure", "leases/lock")).format(wait=SQL(wait.value))
    return dict(used.execute(statement, [list(streams)]).fetchall())


def lock_task_instances(used: Connection[Any], ids: Collection[str], wait: OnLocked) -> dict[str, TaskInstance]:
    """Lock task instances, in the order of their ids."""
    statement = SQL(query("projections", "lock/instances_with_silence")).format(wait=SQL(wait.value))
    return {row[0]: TaskInstance(*row) for row in used.execute(statement, [list(ids)])}


def lock_runners(used: Connection[Any], ids: Sequence[str], wait: OnLocked) -> dict[str, Runner]:
    """Lock runners that have sent heartbeats."""
    locked = lock_leases(used, [Runner(name).stream for name in ids], wait)
    return _read_runners(used, [stream.partition(":")[2] for stream in locked])


def _read_runners(used: Connection[Any], ids: Sequence[str]) -> dict[str, Runner]:
    """Runners as of their last events; one that has none is alive."""
    rows = used.execute(query("projections", "leases/runners"), [[Runner(name).stream for name in ids]])
    return {name: Runner(name) for name in ids} | {row[0]: Runner(*row) for row in rows}


def _renew(
    used: Connection[Any],
    workflow_ids: Mapping[str, str],
    until: _Until,
    at: datetime,
    *,
    recorded: bool,
    alone: bool = False,
) -> set[str]:
    told = {
        "ids": list(workflow_ids),
        "workflow_ids": list(workflow_ids.values()),
        "report_by": [until.report_by.get(name) for name in workflow_ids],
        "seconds": until.seconds,
        "at": at,
        "recorded": recorded,
        "alone": alone,
    }
    return {row[0] for row in used.execute(query("infrastructure", "leases/renew_task_instances"), told, prepare=True)}


def _has_ended(store: Store, status: str, lifecycle: str, version: int) -> bool:
    machine = store.lifecycles.pinned(lifecycle, version).instance
    return machine is not None and machine.is_terminal(status)


def _at(used: Connection[Any], report: ReportContext) -> datetime:
    now = database_now(used)
    return min(now, report.occurred_at or now)


def _retried(
    store: Store,
    what: str,
    attempt: Callable[[Connection[Any]], Answer],
    connection: Connection[Any] | None,
    max_retries: int,
) -> Answer:
    """What the attempt answers in autocommit, or behind a savepoint of the caller's; twice is as good as once."""

    def once() -> Answer:
        with store.session(connection) as used, nullcontext() if connection is None else used.transaction():
            return attempt(used)

    curable = CONTENTION if connection is None else CONTENTION - {SERIALIZATION_FAILURE}
    return retrying(what, once, max_retries=max_retries, curable=curable, repeatable=True)
