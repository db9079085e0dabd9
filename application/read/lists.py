"""Lists: workflows, tasks, task instances, runners and arrays by their current status, in several orders."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Literal, NamedTuple, TypedDict, cast, get_args

from psycopg import Connection
from psycopg.rows import dict_row

from application.analyse.concurrency import find_statuses
from application.read.audit import BATCH
from application.read.sorting import NEWEST, ListPlace, sort_query
from application.shared.as_of import as_of
from application.shared.existence import require_entity, require_workflow
from application.shared.store import Store
from domain.entity import ARRAY, RUNNER, TASK, TASK_INSTANCE, Entity
from domain.errors import UnknownStatus, check_choice
from domain.rule_names import RuleName
from infrastructure.sql import query

RUNNER_STATUSES = ("ALIVE", "SILENT")


class ListedWorkflow(TypedDict):
    """A workflow and its tasks by status; `failed` counts those in a failure status, `active` those not terminal.

    `first_at` is when its first task was registered, `last_at` when any of its tasks or instances last entered a
    status. `orphans` is 0 where everything has ended. It is None while anything is active, because counting compares
    it with all workflows (rule `stuck`): ask `orphans` for this workflow.
    """

    workflow_id: str
    tasks: int
    by_status: dict[str, int]
    failed: int
    active: int
    orphans: int | None
    first_at: datetime
    last_at: datetime


class ListedTask(TypedDict):
    """A task in its current status; `rule`, `actor` and `reason` are those of its last transition.

    Where that follows from a report of an instance, the reason is the instance's.
    """

    entity: str
    workflow_id: str
    template: str | None
    status: str
    since: datetime
    attempts: int
    rule: RuleName | None
    actor: str | None
    reason: str | None


class ListedTaskInstance(ListedTask):
    """A task instance in its current status; `attempts` is which attempt at its task it is."""

    task_id: str
    distributor_id: str | None
    report_by_date: datetime | None


class ListedRunner(TypedDict):
    """A runner: ALIVE or SILENT, since when, and its last heartbeat."""

    entity: str
    status: Literal["ALIVE", "SILENT"]
    since: datetime
    heartbeat_at: datetime


class ListedArray(TypedDict):
    """An array of a workflow; `batches` is how many were queued, `since` when the array last changed."""

    entity: str
    workflow_id: str
    task_template_version_id: str
    name: str | None
    max_concurrently_running: int
    batches: int
    since: datetime


class Chosen(NamedTuple):
    """Which rows to list, and in which order.

    `since` (included) and `until` (excluded) are about the current status, `actor` and `rule` about the last
    transition. `orphan` leaves what some rule of orphans holds for, `parent` the tasks that are parts of that one.
    `at` is the time to answer for (None: now).
    """

    workflow_id: str | None = None
    statuses: Sequence[str] | None = None
    template: str | None = None
    failed: bool = False
    active: bool = False
    since: datetime | None = None
    until: datetime | None = None
    actor: str | None = None
    limit: int | None = None
    after: ListPlace | None = None
    rule: str | None = None
    orphan: bool = False
    sort: str = NEWEST
    parent: str | None = None
    at: datetime | None = None


def list_workflows(
    store: Store,
    since: datetime | None = None,
    until: datetime | None = None,
    *,
    failed: bool = False,
    active: bool = False,
    limit: int | None = None,
    after: ListPlace | None = None,
    sort: str = NEWEST,
    containing: str | None = None,
    at: datetime | None = None,
) -> list[ListedWorkflow]:
    """Return the workflows whose `last_at` is from `since` on and before `until`; `failed`, `active`: with any.

    `containing` leaves the workflows with that text in their ids; `at` is the time to answer for (None: now).

    Raises:
        UnknownChoice: workflows have no such order.
    """
    text = sort_query("read/list_workflows", query("projections", "read/list_workflows"), sort)
    wanted = {"since": since, "until": until, "failed": failed, "active": active, "limit": limit} | _after(after)
    wanted["containing"] = containing
    with as_of(store, at) as connection, connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(text, wanted, prepare=False).fetchall()
    return cast("list[ListedWorkflow]", rows)


@contextmanager
def list_tasks(store: Store, chosen: Chosen) -> Iterator[Iterator[ListedTask]]:
    """Open the list of the chosen tasks; rows are read as they are asked for, within the block.

    Raises:
        UnknownEntity: the log has no such workflow.
        UnknownStatus: no machine of tasks has one of the statuses.
        UnknownChoice: there is no such rule or order.
    """
    with _listed(store, TASK, "read/list_tasks", chosen) as rows:
        yield cast("Iterator[ListedTask]", rows)


@contextmanager
def list_task_instances(store: Store, chosen: Chosen) -> Iterator[Iterator[ListedTaskInstance]]:
    """Open the list of the chosen task instances; rows are read as they are asked for, within the block.

    Raises:
        UnknownEntity: the log has no such workflow.
        UnknownStatus: no machine of task instances has one of the statuses.
        UnknownChoice: there is no such rule or order.
    """
    with _listed(store, TASK_INSTANCE, "read/list_task_instances", chosen) as rows:
        yield cast("Iterator[ListedTaskInstance]", rows)


@contextmanager
def list_runners(store: Store, chosen: Chosen) -> Iterator[Iterator[ListedRunner]]:
    """Open the list of runners, of which `statuses`, `since`, `until` and `limit` choose.

    Raises:
        UnknownStatus: a status is neither ALIVE nor SILENT.
    """
    with _listed(store, RUNNER, "read/list_runners", chosen) as rows:
        yield cast("Iterator[ListedRunner]", rows)


@contextmanager
def list_arrays(store: Store, chosen: Chosen) -> Iterator[Iterator[ListedArray]]:
    """Open the list of arrays, of which `workflow_id`, `since`, `until` and `limit` choose.

    Raises:
        UnknownEntity: the log has no such workflow.
    """
    with _listed(store, ARRAY, "read/list_arrays", chosen) as rows:
        yield cast("Iterator[ListedArray]", rows)


@contextmanager
def _listed(store: Store, kind: str, name: str, chosen: Chosen) -> Iterator[Iterator[dict[str, Any]]]:
    wanted = chosen._asdict() | {"statuses": list(chosen.statuses) if chosen.statuses else None}
    wanted |= _after(wanted.pop("after"))
    text = sort_query(name, query("projections", name), wanted.pop("sort"))
    check_choice("rule", chosen.rule, get_args(RuleName))
    with as_of(store, wanted.pop("at")) as connection:
        if chosen.orphan:
            connection.execute(query("projections", "session/orphans"))
        if chosen.workflow_id is not None:
            require_workflow(connection, chosen.workflow_id)
        if chosen.parent is not None:
            require_entity(connection, Entity(TASK, chosen.parent))
        _require_statuses(connection, kind, chosen.statuses or ())
        with connection.cursor(name, row_factory=dict_row) as cursor:
            cursor.itersize = BATCH
            cursor.execute(text, wanted)
            yield iter(cursor)


def _after(place: ListPlace | None) -> dict[str, Any]:
    return {"after_at": place.at if place else None, "after_id": place.id if place else None}


def _require_statuses(connection: Connection[Any], kind: str, statuses: Sequence[str]) -> None:
    if not statuses:
        return
    known = RUNNER_STATUSES if kind == RUNNER else find_statuses(connection, kind)
    for status in statuses:
        if known and status not in known:
            raise UnknownStatus(status, known)
