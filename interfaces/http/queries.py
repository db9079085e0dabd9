"""The routes that read. They answer as the commands of the same names print with --json."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import dropwhile, islice
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import AfterValidator, Field
from starlette.responses import Response

from application.analyse.compare import Comparison
from application.analyse.concurrency import count_concurrency, count_concurrency_by_bucket
from application.analyse.critical_path import CriticalPath
from application.analyse.queue_wait import QueueWait
from application.analyse.time_in_status import By, TimeInStatus
from application.read.audit import AuditRow, Place, read_audit_page
from application.read.blocked import Blocked
from application.read.history import HistoryEvent, read_history_page
from application.read.orphans import OrphanPlace, find_orphans
from application.read.status import Status
from application.read.why import Why
from application.shared.orphan import Orphan
from domain.entity import ALIASES, parse_entity
from domain.time import parse_duration, parse_time
from interfaces.http.api import answer_json, get_api
from interfaces.http.models import Body, EntityName, Id, Name, Time, model_of
from interfaces.http.paging import MAX_ROWS, Limit, answer_page
from interfaces.http.problems import document_responses
from interfaces.http.read_throttle import throttle_reading

MAX_POSITION = 2**63 - 1
MAX_POSITION_DIGITS = 19

STATUS = {
    "entity": "task:align", "status": "RUNNING", "since": "2026-01-31T08:06:00Z", "lifecycle": "jobmon", "attempts": 1,
    "version": 5,
}  # fmt: skip
EVENT = dict.fromkeys(HistoryEvent.__annotations__) | {
    "position": 725, "entity": "ti:align/1", "version": 4, "name": "task_instance.transitioned.v1",
    "previous_status": "LAUNCHED", "status": "RUNNING", "reported": "RUNNING", "recorded_at": "2026-01-31T08:06:00.25Z",
    "actor": "node7", "entered_at": "2026-01-31T08:06:00.25Z", "host": "10.1.2.3",
}  # fmt: skip
ROW = {
    "task_id": "align", "workflow_id": "my-workflow", "previous_status": "QUEUED", "new_status": "INSTANTIATING",
    "entered_at": "2026-01-31T08:04:00Z", "exited_at": "2026-01-31T08:05:00Z", "duration_seconds": 60.0,
}  # fmt: skip
STAYS = {
    "status": "QUEUED", "group": None, "n": 12, "open": 2, "total_seconds": 360.0, "mean_seconds": 30.0,
    "p50_seconds": 28.0, "p90_seconds": 55.0, "p99_seconds": 59.0, "km_p50_seconds": 29.0, "km_p90_seconds": None,
}  # fmt: skip

ORPHAN = {
    "entity": "ti:align/1", "rule": "missed-heartbeat", "since": "2026-01-31T08:10:00Z", "evidence": [725],
    "expected": "a heartbeat or a report by 08:10", "explanation": "align/1 had to report by 08:10.",
    "decided": False, "workflow_id": "my-workflow", "task_id": "align", "lifecycle": "jobmon",
    "status": "RUNNING", "instances": 1,
}  # fmt: skip
BLOCKED = {
    "cause": "task:align", "status": "ERROR_FATAL", "since": "2026-01-31T08:10:00Z", "reason": "failed",
    "owner": None, "workflow_id": "my-workflow", "blocked": 2, "examples": ["report", "sort"],
}  # fmt: skip
WHY = {
    "entity": "task:align", "status": "RUNNING", "since": "2026-01-31T08:06:00Z", "rule": None, "orphan": [],
    "verdict": "It is RUNNING because its instance align/1 is.", "omitted": 0,
    "chain": [{
        "position": 725, "entity": "ti:align/1", "name": "task_instance.transitioned.v1",
        "text": "node7 reported RUNNING", "at": "2026-01-31T08:06:00Z", "actor": "node7", "rule": None,
    }],
}  # fmt: skip

WAITS = {
    "group": "align", "period": "2026-01-31", "tasks": 12, "started": 11, "ended": 10, "wait_seconds": 3600.0,
    "wait_p50": 240.0, "wait_p90": 700.0, "run_seconds": 14400.0, "run_p50": 1200.0, "run_p90": 2000.0,
    "expansion_mean": 1.31, "expansion_p50": 1.2, "expansion_p90": 1.9,
}  # fmt: skip
COMPARISON: dict[str, Any] = {
    "a": "night-1", "b": "night-2", "at_a": None, "at_b": None, "seconds_a": 4800.0, "seconds_b": 6720.0,
    "by_status_a": {"DONE": 3}, "by_status_b": {"DONE": 2, "ERROR_FATAL": 1},
    "by_template": [{
        "template": "align", "status": "RUNNING", "n_a": 3, "n_b": 3, "open_a": 0, "open_b": 0, "p50_a": 1200.0,
        "p50_b": 1900.0, "p90_a": 1400.0, "p90_b": 2300.0, "total_a": 3700.0, "total_b": 5600.0, "p_value": 0.031,
        "difference_seconds": 1900.0, "difference_share": 1.0,
    }],
    "critical_path_by_template": [{
        "template": "align", "kind": "running", "n_a": 1, "n_b": 1, "seconds_a": 4800.0, "seconds_b": 6720.0,
        "difference_seconds": 1920.0,
    }],
    "critical_path_a": [{
        "entity": "ti:night-1/align-3/1", "kind": "running", "detail": None, "template": "align",
        "from": "2026-01-30T08:00:00Z", "to": "2026-01-30T09:20:00Z", "seconds": 4800.0, "share": 1.0,
        "saved_seconds": 900.0, "ties": [], "tied": 0,
    }],
    "critical_path_b": [{
        "entity": "ti:night-2/align-3/1", "kind": "running", "detail": None, "template": "align",
        "from": "2026-01-31T08:00:00Z", "to": "2026-01-31T09:52:00Z", "seconds": 6720.0, "share": 1.0,
        "saved_seconds": 2100.0, "ties": [], "tied": 0,
    }],
    "only_a": [], "only_b": ["night-2/report"], "first_failure_a": None,
    "first_failure_b": {
        "entity": "ti:night-2/align-3/1", "template": "align", "status": "ERROR", "at": "2026-01-31T08:06:00Z",
        "rule": None, "actor": "node7", "reason": "exit 137",
    },
}  # fmt: skip

CRITICAL_PATH = {
    "workflow_id": "my-workflow", "has_ended": True, "seconds": 240.0, "by_kind": {"running": 240.0},
    "links": [{
        "entity": "ti:align/1", "kind": "running", "detail": None, "template": "align", "from": "2026-01-31T08:06:00Z",
        "to": "2026-01-31T08:10:00Z", "seconds": 240.0, "share": 1.0, "saved_seconds": 60.0, "ties": ["task:sort"],
        "tied": 1,
    }],
}  # fmt: skip

router = APIRouter(dependencies=[Depends(throttle_reading)])

Entity = Annotated[EntityName, Path(examples=["task:align"])]
At = Annotated[Time | None, Query(description="Answer as of this time (ISO 8601 with a zone), not as of now.")]
Order = Literal["oldest", "newest"]


def _parse_place(text: str) -> Place:
    time, _, position = text.rpartition(",")
    if not (position.isascii() and position.isdigit() and len(position) <= MAX_POSITION_DIGITS):
        raise ValueError(f"{text!r} is not TIME,POSITION; take it from a Link header")
    return Place(parse_time(time), min(int(position), MAX_POSITION))


def _parse_orphan_place(text: str) -> OrphanPlace:
    since, _, rest = text.partition(",")
    rule, _, entity = rest.partition(",")
    if not entity:
        raise ValueError(f"{text!r} is not TIME,RULE,ENTITY; take it from a Link header")
    return OrphanPlace(parse_time(since), parse_entity(entity), rule)


def _parse_change(text: str) -> tuple[datetime, str]:
    at, _, group = text.partition(",")
    return parse_time(at), group


def _check_with(parse: Callable[[str], object]) -> AfterValidator:
    """Return a validator that accepts a text that `parse` can read, and leaves it a text."""

    def check(text: str) -> str:
        parse(text)
        return text

    return AfterValidator(check)


class HistoryQuery(Body):
    """The part of a history that a request asks for."""

    order: Annotated[Order, Field(description="Begin with the oldest or the newest.")] = "oldest"
    after: Annotated[int | None, Field(ge=0, le=2**31 - 1, description="Continue after the event of this version.")] = (
        None
    )
    limit: Limit = MAX_ROWS


class AuditQuery(Body):
    """The rows of the audit that a request asks for."""

    task_id: Id | None = None
    workflow_id: Id | None = None
    at: Time | None = None
    order: Annotated[Order, Field(description="Begin with the oldest or the newest.")] = "oldest"
    after: Annotated[
        Annotated[str, _check_with(_parse_place)] | None,
        Field(description="Continue after this row, as a Link header states it."),
    ] = None
    limit: Limit = MAX_ROWS


class TimeInStatusQuery(Body):
    """The intervals that a request asks for."""

    entity: Literal["task", "ti", "task_instance"] = "task"
    by: By | None = None
    workflow_id: Id | None = None
    at: Time | None = None
    terminal: bool = False
    exact: Annotated[bool, Field(description="Read every interval, also where sketches would do.")] = False


class OrphansQuery(Body):
    """The orphans that a request asks for."""

    rule: Name | None = None
    decided: Annotated[bool, Field(description="Also return orphans that the lifecycle has already ended.")] = False
    at: Time | None = None
    workflow_id: Id | None = None
    after: Annotated[
        Annotated[str, _check_with(_parse_orphan_place)] | None,
        Field(description="Continue after this row, as a Link header states it."),
    ] = None
    limit: Limit = MAX_ROWS


class BlockedQuery(Body):
    """The blocked tasks that a request asks about."""

    workflow_id: Id | None = None
    at: Time | None = None
    limit: Limit = MAX_ROWS


class ConcurrencyQuery(Body):
    """The concurrency that a request asks for: each change, or with `bucket` (90s, 5m, 2h) its mean and maximum."""

    status: Name
    entity: Literal["task", "ti", "task_instance"] = "task"
    by: Literal["workflow", "template"] | None = None
    bucket: str | None = None
    workflow_id: Id | None = None
    at: Time | None = None
    after: Annotated[
        Annotated[str, _check_with(_parse_change)] | None,
        Field(description="Continue after this row, as a Link header states it."),
    ] = None
    limit: Limit = MAX_ROWS


class QueueWaitQuery(Body):
    """The tasks that a request asks for, by when they were registered."""

    by: Literal["workflow", "template", "user", "partition"] | None = None
    per: Literal["hour", "day", "week"] | None = None
    workflow_id: Id | None = None
    since: Time | None = None
    until: Time | None = None
    at: Time | None = None


class CompareQuery(Body):
    """The two workflows that a request compares, each as of a time."""

    a: Annotated[Id, Field(description="The workflow to compare with.")]
    b: Annotated[Id, Field(description="The other workflow, or the same.")]
    at_a: Annotated[Time | None, Field(description="Take a as of this time (ISO 8601 with a zone), not as of now.")] = (
        None
    )
    at_b: Annotated[Time | None, Field(description="Take b as of this time (ISO 8601 with a zone), not as of now.")] = (
        None
    )
    entity: Literal["task", "ti", "task_instance"] = "task"


@router.get(
    "/status/{entity:id}",
    response_model=model_of(Status),
    responses=document_responses(STATUS, 404, 422),
)
def get_status(request: Request, entity: Entity, at: At = None) -> Response:
    """Return the status of an entity, and since when it has it."""
    return answer_json(get_api(request).reader.status(entity, at))


@router.get(
    "/history/{entity:id}",
    response_model=list[model_of(HistoryEvent)],  # type: ignore[misc]  # made of a TypedDict
    responses=document_responses([EVENT], 404, 422),
)
def list_history(request: Request, entity: Entity, chosen: Annotated[HistoryQuery, Query()]) -> Response:
    """List the events of an entity, refused reports included."""
    events, next_after = read_history_page(
        get_api(request).reader.store,
        parse_entity(entity),
        after=chosen.after,
        newest_first=chosen.order == "newest",
        limit=chosen.limit,
        max_bytes=get_api(request).settings.page_bytes,
    )
    return answer_page(request, events, next_after)


@router.get(
    "/why/{entity:id}",
    response_model=model_of(Why),
    responses=document_responses(WHY, 404, 422),
)
def explain_status(request: Request, entity: Entity, at: At = None) -> Response:
    """Explain why an entity has its status, or why it is an orphan: a verdict, and the events that led there."""
    return answer_json(get_api(request).reader.why(entity, at))


@router.get(
    "/audit",
    response_model=list[model_of(AuditRow)],  # type: ignore[misc]  # made of a TypedDict
    responses=document_responses([ROW], 404, 422),
)
def list_audit(request: Request, chosen: Annotated[AuditQuery, Query()]) -> Response:
    """List the statuses that tasks were in, from when to when."""
    rows, last = read_audit_page(
        get_api(request).reader.store,
        chosen.task_id,
        chosen.workflow_id,
        chosen.at,
        after=_parse_place(chosen.after) if chosen.after else None,
        newest_first=chosen.order == "newest",
        limit=chosen.limit,
    )
    return answer_page(request, rows, f"{last.entered_at.isoformat()},{last.position}" if last else None)


@router.get(
    "/time-in-status",
    response_model=list[model_of(TimeInStatus)],  # type: ignore[misc]  # made of a TypedDict
    responses=document_responses([STAYS], 404, 422),
)
def measure_time_in_status(request: Request, chosen: Annotated[TimeInStatusQuery, Query()]) -> Response:
    """Measure how long tasks or task instances stay in each status."""
    service = get_api(request).reader
    wanted = (chosen.entity, chosen.by, chosen.workflow_id, chosen.at, chosen.terminal)
    return answer_json(service.time_in_status(*wanted, exact=chosen.exact))


@router.get(
    "/queue-wait",
    response_model=list[model_of(QueueWait)],  # type: ignore[misc]  # made of a TypedDict
    responses=document_responses([WAITS], 404, 422),
)
def measure_queue_wait(request: Request, chosen: Annotated[QueueWaitQuery, Query()]) -> Response:
    """Measure how long tasks wait and run, and how much longer the waiting makes them."""
    service = get_api(request).reader
    times = (chosen.since, chosen.until, chosen.at)
    return answer_json(service.queue_wait(chosen.by, chosen.per, chosen.workflow_id, *times))


@router.get(
    "/blocked",
    response_model=list[model_of(Blocked)],  # type: ignore[misc]
    responses=document_responses([BLOCKED], 404, 422),
)
def list_blocked(request: Request, chosen: Annotated[BlockedQuery, Query()]) -> Response:
    """List what keeps tasks from starting: upstream tasks that failed or are not moved on, what blocks most first."""
    return answer_json(get_api(request).reader.blocked(chosen.workflow_id, chosen.at, limit=chosen.limit))


@router.get(
    "/compare",
    response_model=model_of(Comparison),
    responses=document_responses(COMPARISON, 404, 422),
)
def compare_workflows(request: Request, chosen: Annotated[CompareQuery, Query()]) -> Response:
    """Compare how long the tasks of two workflows, or of one as of two times, stay in each status."""
    service = get_api(request).reader
    return answer_json(service.compare(chosen.a, chosen.b, chosen.at_a, chosen.at_b, chosen.entity))


@router.get(
    "/critical-path/{workflow_id:id}",
    response_model=model_of(CriticalPath),
    responses=document_responses(CRITICAL_PATH, 404, 422),
)
def find_critical_path(
    request: Request, workflow_id: Annotated[Id, Path(examples=["my-workflow"])], at: At = None
) -> Response:
    """Return the attempts and waits that decided when a workflow ended, and what each of them cost."""
    return answer_json(get_api(request).reader.critical_path(workflow_id, at))


@router.get(
    "/orphans",
    response_model=list[model_of(Orphan)],  # type: ignore[misc]  # made of a TypedDict
    responses=document_responses([ORPHAN], 404, 422),
)
def list_orphans(request: Request, chosen: Annotated[OrphansQuery, Query()]) -> Response:
    """List the entities that miss an event which should have come, the oldest first."""
    found = find_orphans(
        get_api(request).reader.store,
        chosen.rule,
        chosen.decided,
        chosen.at,
        chosen.workflow_id,
        after=_parse_orphan_place(chosen.after) if chosen.after else None,
        limit=chosen.limit + 1,
    )
    return _answer_first(request, found, _mark_orphan, chosen.limit)


@router.get(
    "/concurrency",
    responses=document_responses([{"at": "2026-01-31T08:06:00Z", "n": 12}], 404, 422),
)
def measure_concurrency(request: Request, chosen: Annotated[ConcurrencyQuery, Query()]) -> Response:
    """Count how many tasks or instances were in a status at once: a row at each change, or for each bucket of time."""
    with _read_changes(request, chosen) as rows:
        rest = rows if chosen.after is None else _skip_through(rows, *_parse_change(chosen.after))
        shown = rest if chosen.by else map(_without_group, rest)
        return _answer_first(request, shown, _mark_change, chosen.limit)


def _answer_first(request: Request, rows: Iterable[Any], mark: Callable[[Any], str], limit: int) -> Response:
    """Return the first `limit` rows; the mark of the last one leads to the next page."""
    first = list(islice(rows, limit + 1))
    return answer_page(request, first[:limit], mark(first[limit - 1]) if len(first) > limit else None)


def _skip_through(rows: Iterator[Any], at: datetime, group: str) -> Iterator[Any]:
    """Return the rows after the time `at` of a group, and those of the groups that follow it."""
    from_group_on = dropwhile(lambda row: (row["group"] or "") != group, rows)
    return dropwhile(lambda row: (row["group"] or "") == group and row["at"] <= at, from_group_on)


@contextmanager
def _read_changes(request: Request, chosen: ConcurrencyQuery) -> Iterator[Iterator[Any]]:
    store, kind = get_api(request).reader.store, ALIASES.get(chosen.entity, chosen.entity)
    wanted: Any = (chosen.by, chosen.workflow_id, chosen.at)
    if chosen.bucket is None:
        with count_concurrency(store, kind, chosen.status, *wanted) as changes:
            yield changes
    else:
        bucket = timedelta(seconds=parse_duration(chosen.bucket))
        with count_concurrency_by_bucket(store, kind, chosen.status, bucket, *wanted) as buckets:
            yield buckets


def _mark_orphan(row: Orphan) -> str:
    return f"{row['since'].isoformat()},{row['rule']},{row['entity']}"


def _mark_change(row: Any) -> str:
    return f"{row['at'].isoformat()},{row.get('group') or ''}"


def _without_group(row: Any) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "group"}
