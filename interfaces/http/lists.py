"""The routes that list what is there, in keyset pages, and what failed."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from itertools import islice
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import AfterValidator, Field, create_model
from starlette.responses import Response

from application.read.failures import Failures, FailuresBy, count_failures
from application.read.lists import (
    Chosen,
    ListedArray,
    ListedRunner,
    ListedTask,
    ListedTaskInstance,
    ListedWorkflow,
    list_arrays,
    list_runners,
    list_task_instances,
    list_tasks,
    list_workflows,
)
from application.read.sorting import ListPlace
from application.read.workflow import WorkflowSummary, summarize_workflow
from domain.entity import parse_entity
from domain.rule_names import RuleName
from domain.time import parse_time
from interfaces.http.api import answer_json, get_api
from interfaces.http.models import Body, Id, Name, Time, model_of
from interfaces.http.paging import MAX_ROWS
from interfaces.http.problems import document_responses
from interfaces.http.read_throttle import throttle_reading

PAGE = 100
"""How many items a page has unless `limit` states another number."""

MAX_ITEMS = 1_000

WORKFLOW = {
    "workflow_id": "my-workflow", "tasks": 3, "by_status": {"DONE": 2, "ERROR_FATAL": 1}, "failed": 1, "active": 0,
    "orphans": 0, "first_at": "2026-01-31T08:00:00Z", "last_at": "2026-01-31T08:10:00Z",
}  # fmt: skip
TASK = {
    "entity": "task:align", "workflow_id": "my-workflow", "template": "align", "status": "ERROR_FATAL",
    "since": "2026-01-31T08:10:00Z", "attempts": 3, "rule": None, "actor": "node7", "reason": "exit 3",
}  # fmt: skip
INSTANCE = TASK | {
    "entity": "ti:align/3", "status": "ERROR", "task_id": "align", "distributor_id": "4711", "report_by_date": None,
}  # fmt: skip
RUNNER = {
    "entity": "runner:node7", "status": "ALIVE", "since": "2026-01-31T08:00:00Z",
    "heartbeat_at": "2026-01-31T08:10:00Z",
}  # fmt: skip
FAILURES = {
    "group": "exit 3", "n": 2, "tasks": 1, "first_at": "2026-01-31T08:05:00Z", "last_at": "2026-01-31T08:10:00Z",
    "example": "ti:align/3",
}  # fmt: skip
SUMMARY = {name: value for name, value in WORKFLOW.items() if name != "orphans"} | {
    "failures": [FAILURES], "orphans": [],
    "slowest": [{"template": "align", "status": "RUNNING", "n": 3, "p90_seconds": 240.0}],
}  # fmt: skip
ARRAY = {
    "entity": "array:1", "workflow_id": "my-workflow", "task_template_version_id": "7", "name": "align",
    "max_concurrently_running": 50, "batches": 1, "since": "2026-01-31T08:00:00Z",
}  # fmt: skip

router = APIRouter(dependencies=[Depends(throttle_reading)])


def _parse_place(text: str) -> ListPlace:
    time, comma, name = text.partition(",")
    if not (comma and name):
        raise ValueError(f"{text!r} is not TIME,ID; take it from `next` of the page before")
    return ListPlace(parse_time(time), name)


def _check_place(text: str) -> str:
    _parse_place(text)
    return text


Statuses = Annotated[list[Name] | None, Field(description="Choose a status; may be repeated.")]


class PageQuery(Body):
    """The page of a list that a request asks for."""

    since: Annotated[Time | None, Field(description="Choose what changed at this time or later.")] = None
    until: Annotated[Time | None, Field(description="Choose what changed before this time.")] = None
    after: Annotated[
        Annotated[str, AfterValidator(_check_place)] | None,
        Field(description="Continue after this item, as `next` of the page before states it."),
    ] = None
    limit: Annotated[int, Field(ge=1, le=MAX_ITEMS, description="Return at most this many items.")] = PAGE
    sort: Annotated[Literal["newest", "oldest"], Field(description="Begin with the newest or the oldest.")] = "newest"

    @property
    def place(self) -> ListPlace | None:
        """Return where the page begins."""
        return _parse_place(self.after) if self.after else None

    def choose(self, **chosen: Any) -> Chosen:
        """Return the rows of the page and one more, which shows whether there is a next page."""
        return Chosen(
            since=self.since, until=self.until, limit=self.limit + 1, after=self.place, sort=self.sort, **chosen
        )


class WorkflowsQuery(PageQuery):
    """The workflows that a request asks for."""

    failed: bool = False
    active: bool = False


class EntitiesQuery(WorkflowsQuery):
    """The tasks or task instances that a request asks for."""

    workflow_id: Id | None = None
    template: Id | None = None
    actor: Name | None = None
    rule: RuleName | None = None
    orphan: bool = False
    status: Statuses = None

    @property
    def chosen(self) -> Chosen:
        """Return the rows of the page and one more."""
        return self.choose(
            workflow_id=self.workflow_id, statuses=self.status, template=self.template, failed=self.failed,
            active=self.active, actor=self.actor, rule=self.rule, orphan=self.orphan,
        )  # fmt: skip


class TasksQuery(EntitiesQuery):
    """The tasks that a request asks for."""

    parent: Id | None = None

    @property
    def chosen(self) -> Chosen:
        """Return the rows of the page and one more."""
        return super().chosen._replace(parent=self.parent)


class RunnersQuery(PageQuery):
    """The runners that a request asks for."""

    status: Statuses = None


class ArraysQuery(PageQuery):
    """The arrays that a request asks for."""

    workflow_id: Id | None = None


class FailuresQuery(Body):
    """The failures that a request asks for."""

    workflow_id: Id | None = None
    since: Time | None = None
    until: Time | None = None
    by: FailuresBy = "reason"
    limit: Annotated[int, Field(ge=1, le=MAX_ROWS, description="Return at most this many groups.")] = MAX_ROWS


def _page_of(item: Any) -> Any:
    """Return the model of a page of items, with which OpenAPI documents an answer."""
    fields: dict[str, Any] = {"items": (list[model_of(item)], ...), "next": (str | None, ...)}  # type: ignore[misc]  # at run time
    return create_model(f"{item.__name__}Page", **fields)


def _answers(item: dict[str, Any]) -> Any:
    return document_responses({"items": [item], "next": None}, 404, 422)


@router.get("/workflows", response_model=_page_of(ListedWorkflow), responses=_answers(WORKFLOW))
def page_workflows(request: Request, chosen: Annotated[WorkflowsQuery, Query()]) -> Response:
    """List workflows with their tasks by status, the newest first."""
    rows = list_workflows(
        get_api(request).reader.store, chosen.since, chosen.until,
        failed=chosen.failed, active=chosen.active, limit=chosen.limit + 1, after=chosen.place, sort=chosen.sort,
    )  # fmt: skip
    return _answer_items(rows, lambda row: f"{row['last_at'].isoformat()},{row['workflow_id']}", chosen.limit)


@router.get(
    "/workflows/{workflow_id:id}",
    response_model=model_of(WorkflowSummary),
    responses=document_responses(SUMMARY, 404, 422),
)
def summarize_one_workflow(
    request: Request, workflow_id: Annotated[Id, Path(examples=["my-workflow"])], at: Time | None = None
) -> Response:
    """Return a workflow at a glance: its tasks by status, failures by reason, the slowest statuses, its orphans."""
    return answer_json(summarize_workflow(get_api(request).reader.store, workflow_id, at))


@router.get(
    "/failures",
    response_model=list[model_of(Failures)],  # type: ignore[misc]  # made of a TypedDict
    responses=document_responses([FAILURES], 404, 422),
)
def list_failures(request: Request, chosen: Annotated[FailuresQuery, Query()]) -> Response:
    """Count attempts that ended in a failure status by reason, template or actor, the most frequent first."""
    asked = (chosen.workflow_id, chosen.since, chosen.until, chosen.by)
    return answer_json(count_failures(get_api(request).reader.store, *asked, limit=chosen.limit))


@router.get("/tasks", response_model=_page_of(ListedTask), responses=_answers(TASK))
def page_tasks(request: Request, chosen: Annotated[TasksQuery, Query()]) -> Response:
    """List tasks in their current status, the newest first."""
    return _answer_rows(list_tasks(get_api(request).reader.store, chosen.chosen), chosen.limit)


@router.get("/task_instances", response_model=_page_of(ListedTaskInstance), responses=_answers(INSTANCE))
def page_task_instances(request: Request, chosen: Annotated[EntitiesQuery, Query()]) -> Response:
    """List task instances in their current status, the newest first."""
    return _answer_rows(list_task_instances(get_api(request).reader.store, chosen.chosen), chosen.limit)


@router.get("/runners", response_model=_page_of(ListedRunner), responses=_answers(RUNNER))
def page_runners(request: Request, chosen: Annotated[RunnersQuery, Query()]) -> Response:
    """List runners with their last heartbeat, the newest change of status first."""
    return _answer_rows(
        list_runners(get_api(request).reader.store, chosen.choose(statuses=chosen.status)), chosen.limit
    )


@router.get("/arrays", response_model=_page_of(ListedArray), responses=_answers(ARRAY))
def page_arrays(request: Request, chosen: Annotated[ArraysQuery, Query()]) -> Response:
    """List arrays, the newest change first."""
    return _answer_rows(
        list_arrays(get_api(request).reader.store, chosen.choose(workflow_id=chosen.workflow_id)), chosen.limit
    )


def _answer_rows(reading: AbstractContextManager[Iterable[Any]], limit: int) -> Response:
    with reading as rows:
        return _answer_items(rows, _mark_entity, limit)


def _answer_items(rows: Iterable[Any], mark: Callable[[Any], str], limit: int) -> Response:
    """Return the first `limit` rows, and the mark of the last one where there are more."""
    first = list(islice(rows, limit + 1))
    following = mark(first[limit - 1]) if len(first) > limit else None
    return answer_json({"items": first[:limit], "next": following})


def _mark_entity(row: Any) -> str:
    return f"{row['since'].isoformat()},{parse_entity(row['entity']).id}"
