"""The routes that read: as the commands of the same names print with --json."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import dropwhile, islice
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import AfterValidator, Field
from starlette.responses import Response

from application.analyse.concurrency import concurrency as read_concurrency
from application.analyse.concurrency import concurrency_by_bucket
from application.analyse.time_in_status import TimeInStatus
from application.analyse.time_in_status import time_in_status as read_time_in_status
from application.read.audit import AuditRow, Place, audit_page
from application.read.history import HistoryEvent, history_page
from application.read.orphans import OrphanPlace
from application.read.orphans import orphans as read_orphans
from application.read.status import Status
from application.read.status import status as read_status
from application.read.why import Why
from application.read.why import why as read_why
from application.shared.orphan import Orphan
from domain.entity import ALIASES, parse_entity
from domain.time import parse_duration, parse_time
from interfaces.http.api import answer, api
from interfaces.http.examples import shown
from interfaces.http.models import Body, EntityName, Id, Name, Time, model_of
from interfaces.http.paging import PAGE, Limit, page
from interfaces.http.problems import documented
from interfaces.http.read_throttle import reading

LAST_POSITION = 2**63 - 1
LONGEST_POSITION = 19

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
    "expected": "a heartbeat or a report by 08:10", "explanation": "align/1 was to be heard of by 08:10.",
    "decided": False, "workflow_id": "my-workflow",
}  # fmt: skip
WHY = {
    "entity": "task:align", "status": "RUNNING", "since": "2026-01-31T08:06:00Z", "rule": None, "orphan": [],
    "verdict": "It is RUNNING since its instance align/1 is.", "omitted": 0,
    "chain": [{
        "position": 725, "entity": "ti:align/1", "name": "task_instance.transitioned.v1",
        "text": "node7 reported RUNNING", "at": "2026-01-31T08:06:00Z", "actor": "node7", "rule": None,
    }],
}  # fmt: skip

router = APIRouter(dependencies=[Depends(reading)])

Entity = Annotated[EntityName, Path(examples=["task:align"])]
At = Annotated[Time | None, Query(description="As of then (ISO 8601 with a zone), not as of now.")]
Order = Literal["oldest", "newest"]


def _place(text: str) -> Place:
    time, _, position = text.rpartition(",")
    if not (position.isascii() and position.isdigit() and len(position) <= LONGEST_POSITION):
        raise ValueError("must be the TIME,POSITION of a Link header")
    return Place(parse_time(time), min(int(position), LAST_POSITION))


def _orphan_place(text: str) -> OrphanPlace:
    since, _, behind = text.partition(",")
    rule, _, entity = behind.partition(",")
    if not entity:
        raise ValueError("must be the TIME,RULE,ENTITY of a Link header")
    return OrphanPlace(parse_time(since), parse_entity(entity), rule)


def _change_place(text: str) -> tuple[datetime, str]:
    at, _, group = text.partition(",")
    return parse_time(at), group


def _reads(read: Callable[[str], object]) -> AfterValidator:
    """That a text can be read so; it stays a text."""

    def check(text: str) -> str:
        read(text)
        return text

    return AfterValidator(check)


class HistoryQuery(Body):
    """Which part of a history."""

    order: Annotated[Order, Field(description="Which comes first.")] = "oldest"
    after: Annotated[int | None, Field(ge=0, le=2**31 - 1, description="Go on after the event of that version.")] = None
    limit: Limit = PAGE


class AuditQuery(Body):
    """Which rows of the audit."""

    task_id: Id | None = None
    workflow_id: Id | None = None
    at: Time | None = None
    order: Annotated[Order, Field(description="Which comes first.")] = "oldest"
    after: Annotated[
        Annotated[str, _reads(_place)] | None,
        Field(description="Go on after that row: what a Link header says."),
    ] = None
    limit: Limit = PAGE


class TimeInStatusQuery(Body):
    """Whose stays."""

    entity: Literal["task", "ti", "task_instance"] = "task"
    by: Literal["workflow", "template", "actor"] | None = None
    workflow_id: Id | None = None
    at: Time | None = None
    terminal: bool = False


class OrphansQuery(Body):
    """Which orphans."""

    rule: Name | None = None
    decided: Annotated[bool, Field(description="Also those that the lifecycle has ended already.")] = False
    at: Time | None = None
    workflow_id: Id | None = None
    after: Annotated[
        Annotated[str, _reads(_orphan_place)] | None,
        Field(description="Go on after that row: what a Link header says."),
    ] = None
    limit: Limit = PAGE


class ConcurrencyQuery(Body):
    """Who was in which status; with `bucket` (90s, 5m, 2h) the mean and the most in each, else each change."""

    status: Name
    entity: Literal["task", "ti", "task_instance"] = "task"
    by: Literal["workflow", "template"] | None = None
    bucket: str | None = None
    workflow_id: Id | None = None
    at: Time | None = None
    after: Annotated[
        Annotated[str, _reads(_change_place)] | None,
        Field(description="Go on after that row: what a Link header says."),
    ] = None
    limit: Limit = PAGE


@router.get(
    "/status/{entity:path}",
    response_model=model_of(Status),
    responses={200: shown(STATUS), **documented(404, 422)},
)
def status(request: Request, entity: Entity, at: At = None) -> Response:
    """The status of a task or task instance, and since when."""
    return answer(read_status(api(request).store, parse_entity(entity), at))


@router.get(
    "/history/{entity:path}",
    response_model=list[model_of(HistoryEvent)],  # type: ignore[misc]  # made of a TypedDict
    responses={200: shown([EVENT]), **documented(404, 422)},
)
def history(request: Request, entity: Entity, chosen: Annotated[HistoryQuery, Query()]) -> Response:
    """What has happened to a task or task instance, refused reports too."""
    store, named = api(request).store, parse_entity(entity)
    newest_first = chosen.order == "newest"
    events, beyond = history_page(store, named, after=chosen.after, newest_first=newest_first, limit=chosen.limit)
    return page(request, events, beyond)


@router.get(
    "/why/{entity:path}",
    response_model=model_of(Why),
    responses={200: shown(WHY), **documented(404, 422)},
)
def why(request: Request, entity: Entity, at: At = None) -> Response:
    """Why an entity is in its status, or why it is an orphan: the events that led there, and a verdict."""
    return answer(read_why(api(request).store, parse_entity(entity), at))


@router.get(
    "/audit",
    response_model=list[model_of(AuditRow)],  # type: ignore[misc]  # made of a TypedDict
    responses={200: shown([ROW]), **documented(404, 422)},
)
def audit(request: Request, chosen: Annotated[AuditQuery, Query()]) -> Response:
    """The statuses of tasks, from when to when."""
    rows, beyond = audit_page(
        api(request).store,
        chosen.task_id,
        chosen.workflow_id,
        chosen.at,
        after=_place(chosen.after) if chosen.after else None,
        newest_first=chosen.order == "newest",
        limit=chosen.limit,
    )
    return page(request, rows, f"{beyond.entered_at.isoformat()},{beyond.position}" if beyond else None)


@router.get(
    "/time-in-status",
    response_model=list[model_of(TimeInStatus)],  # type: ignore[misc]  # made of a TypedDict
    responses={200: shown([STAYS]), **documented(404, 422)},
)
def time_in_status(request: Request, chosen: Annotated[TimeInStatusQuery, Query()]) -> Response:
    """How long tasks or task instances stay in each status."""
    kind = ALIASES.get(chosen.entity, chosen.entity)
    rows = read_time_in_status(
        api(request).store, kind, chosen.by, chosen.workflow_id, chosen.at, terminal=chosen.terminal
    )
    return answer(rows)


@router.get(
    "/orphans",
    response_model=list[model_of(Orphan)],  # type: ignore[misc]  # made of a TypedDict
    responses={200: shown([ORPHAN]), **documented(404, 422)},
)
def orphans(request: Request, chosen: Annotated[OrphansQuery, Query()]) -> Response:
    """Entities for which an event was to be expected, and is missing; the oldest first."""
    found = read_orphans(
        api(request).store,
        chosen.rule,
        chosen.decided,
        chosen.at,
        chosen.workflow_id,
        after=_orphan_place(chosen.after) if chosen.after else None,
        limit=chosen.limit + 1,
    )
    return _part(request, found, lambda row: f"{row['since'].isoformat()},{row['rule']},{row['entity']}", chosen.limit)


@router.get(
    "/concurrency",
    responses={200: shown([{"at": "2026-01-31T08:06:00Z", "n": 12}]), **documented(404, 422)},
)
def concurrency(request: Request, chosen: Annotated[ConcurrencyQuery, Query()]) -> Response:
    """How many tasks or task instances were in a status at once: one row at each change, or each bucket of time."""
    with _changes(request, chosen) as rows:
        behind = rows if chosen.after is None else _behind(rows, *_change_place(chosen.after))
        return _part(request, behind, _mark, chosen.limit, _without_group if not chosen.by else None)


def _part(
    request: Request,
    rows: Iterable[Any],
    mark: Callable[[Any], str],
    limit: int,
    told: Callable[[Any], Any] | None = None,
) -> Response:
    """At most `limit` of the rows; the mark of the last one leads to the next page."""
    some = list(islice(rows, limit + 1))
    last = mark(some[limit - 1]) if len(some) > limit else None
    return page(request, [told(row) if told else row for row in some[:limit]], last)


def _behind(rows: Iterator[Any], at: datetime, group: str) -> Iterator[Any]:
    """The rows after a time of a group, and those of the groups that follow it."""
    from_group_on = dropwhile(lambda row: (row["group"] or "") != group, rows)
    return dropwhile(lambda row: (row["group"] or "") == group and row["at"] <= at, from_group_on)


@contextmanager
def _changes(request: Request, chosen: ConcurrencyQuery) -> Iterator[Iterator[Any]]:
    store, kind = api(request).store, ALIASES.get(chosen.entity, chosen.entity)
    wanted: Any = (chosen.by, chosen.workflow_id, chosen.at)
    if chosen.bucket is None:
        with read_concurrency(store, kind, chosen.status, *wanted) as changes:
            yield changes
    else:
        bucket = timedelta(seconds=parse_duration(chosen.bucket))
        with concurrency_by_bucket(store, kind, chosen.status, bucket, *wanted) as buckets:
            yield buckets


def _mark(row: Any) -> str:
    return f"{row['at'].isoformat()},{row['group'] or ''}"


def _without_group(row: Any) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "group"}
