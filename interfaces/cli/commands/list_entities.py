"""`sojourn list`: find the workflows, tasks, task instances, runners and arrays of the log."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from interfaces.cli import connect
from interfaces.cli.columns import Cell, Column, Row, detail, entity, prose
from interfaces.cli.limit import FirstRows, Limit, one_more
from interfaces.cli.options import Workflow
from interfaces.cli.output import AsJson, Dsn, answer_console, messages, render_rows
from interfaces.cli.presentation import Listing
from interfaces.cli.stated_time import StatedTimes

if TYPE_CHECKING:
    from application.read.lists import Chosen
    from application.shared.store import Store

app = typer.Typer(name="list", no_args_is_help=True, help="List workflows, tasks, instances, runners and arrays.")

Status = Annotated[list[str] | None, typer.Option("--status", metavar="STATUS", help="Choose a status; repeatable.")]
Template = Annotated[str | None, typer.Option("--template", metavar="NAME", help="Choose one template.")]
Actor = Annotated[str | None, typer.Option("--actor", metavar="NAME", help="Choose by who reported the status.")]
Failed = Annotated[bool, typer.Option("--failed", help="Choose what failed.")]
Active = Annotated[bool, typer.Option("--active", help="Choose what has not ended.")]
Since = Annotated[str | None, typer.Option("--since", metavar="TIME", help="Choose what changed at or after a time.")]
Until = Annotated[str | None, typer.Option("--until", metavar="TIME", help="Choose what changed before a time.")]

Rule = Annotated[str | None, typer.Option("--rule", metavar="RULE", help="Choose by the rule that decided the status.")]
Orphan = Annotated[bool, typer.Option("--orphan", help="Choose what is an orphan now.")]
Parent = Annotated[str | None, typer.Option("--parent", metavar="ID", help="Choose the parts of a task.")]

SORT = "--sort"
SortWorkflows = Annotated[
    str, typer.Option(SORT, metavar="ORDER", help="Sort by newest, oldest, workflow, tasks, failed or active.")
]
SortEntities = Annotated[
    str,
    typer.Option(SORT, metavar="ORDER", help="Sort by newest, oldest, entity, status, workflow, ..."),
]
SortOthers = Annotated[str, typer.Option(SORT, metavar="ORDER", help="Sort by newest, oldest or entity.")]

Cells = Callable[[Mapping[str, Any]], Sequence[Cell]]
Lister = Callable[["Store", "Chosen"], AbstractContextManager[Iterator[Any]]]

COLUMNS = (
    entity("entity"), detail("workflow"), detail("template"), "status", "since", detail("attempts>"), detail("rule"),
    detail("actor"), prose("reason"),
)  # fmt: skip


@app.command(cls=Listing)
def workflows(
    ctx: typer.Context,
    since: Since = None,
    until: Until = None,
    failed: Failed = False,
    active: Active = False,
    sort: SortWorkflows = "newest",
    limit: Limit = None,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """List workflows with their tasks by status, the newest first.

    --since and --until are about `last`, when a task or an instance last entered a status. `orphans` is empty while
    tasks are active, because counting them reads more than the workflow: ask `sojourn orphans --workflow ID`.
    """
    from application.read.lists import list_workflows

    stated = StatedTimes(since=since, until=until)
    with connect.service(ctx, dsn) as service:
        begin, end = stated.resolve(service.store)
        rows = list_workflows(service.store, begin, end, failed=failed, active=active, limit=one_more(limit), sort=sort)
    columns = (
        entity("workflow"), "tasks>", "failed>", "active>", detail("orphans>"), detail("first"), "last",
        prose("by status"),
    )  # fmt: skip
    print_answer(FirstRows(rows, limit), columns, workflow_cells, as_json=as_json)


@app.command(cls=Listing)
def tasks(
    ctx: typer.Context,
    workflow: Workflow = None,
    status: Status = None,
    template: Template = None,
    failed: Failed = False,
    active: Active = False,
    since: Since = None,
    until: Until = None,
    actor: Actor = None,
    rule: Rule = None,
    orphan: Orphan = False,
    parent: Parent = None,
    sort: SortEntities = "newest",
    limit: Limit = None,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """List tasks in their current status, the newest first.

    --since and --until are about when the status was entered. Rule, actor and reason are of the last transition. --sort
    takes newest, oldest, entity, status, workflow, template or attempts.
    """
    from application.read.lists import Chosen, list_tasks

    chosen = Chosen(
        workflow, status, template, failed, active, actor=actor, limit=one_more(limit),
        rule=rule, orphan=orphan, sort=sort, parent=parent,
    )  # fmt: skip
    stated = StatedTimes(since=since, until=until)
    with connect.service(ctx, dsn) as service, open_chosen(list_tasks, service.store, chosen, stated) as rows:
        print_answer(FirstRows(rows, limit), COLUMNS, entity_cells, as_json=as_json)


@app.command(cls=Listing)
def instances(
    ctx: typer.Context,
    workflow: Workflow = None,
    status: Status = None,
    template: Template = None,
    failed: Failed = False,
    active: Active = False,
    since: Since = None,
    until: Until = None,
    actor: Actor = None,
    rule: Rule = None,
    orphan: Orphan = False,
    sort: SortEntities = "newest",
    limit: Limit = None,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """List task instances in their current status, the newest first.

    --since and --until are about when the status was entered. Rule, actor and reason are of the last transition. --sort
    takes newest, oldest, entity, status, workflow, template or attempts.
    """
    from application.read.lists import Chosen, list_task_instances

    chosen = Chosen(
        workflow, status, template, failed, active, actor=actor, limit=one_more(limit),
        rule=rule, orphan=orphan, sort=sort,
    )  # fmt: skip
    stated = StatedTimes(since=since, until=until)
    with connect.service(ctx, dsn) as service, open_chosen(list_task_instances, service.store, chosen, stated) as rows:
        print_answer(FirstRows(rows, limit), (*COLUMNS, detail("report by")), instance_cells, as_json=as_json)


@app.command(cls=Listing)
def runners(
    ctx: typer.Context,
    status: Status = None,
    since: Since = None,
    until: Until = None,
    sort: SortOthers = "newest",
    limit: Limit = None,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """List runners (ALIVE or SILENT) with their last heartbeat."""
    from application.read.lists import Chosen, list_runners

    columns = (entity("entity"), "status", "since", "heartbeat")
    chosen = Chosen(statuses=status, limit=one_more(limit), sort=sort)
    stated = StatedTimes(since=since, until=until)
    with connect.service(ctx, dsn) as service, open_chosen(list_runners, service.store, chosen, stated) as rows:
        print_answer(FirstRows(rows, limit), columns, runner_cells, as_json=as_json)


@app.command(cls=Listing)
def arrays(
    ctx: typer.Context,
    workflow: Workflow = None,
    since: Since = None,
    until: Until = None,
    sort: SortOthers = "newest",
    limit: Limit = None,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """List arrays with their batches and limits, the newest change first."""
    from application.read.lists import Chosen, list_arrays

    columns = (
        entity("entity"), "workflow", "template version", "name", "at once>", detail("batches>"), "since",
    )  # fmt: skip
    chosen = Chosen(workflow, limit=one_more(limit), sort=sort)
    stated = StatedTimes(since=since, until=until)
    with connect.service(ctx, dsn) as service, open_chosen(list_arrays, service.store, chosen, stated) as rows:
        print_answer(FirstRows(rows, limit), columns, array_cells, as_json=as_json)


def open_chosen(
    list_entities: Lister, store: "Store", chosen: "Chosen", stated: StatedTimes
) -> AbstractContextManager[Iterator[Any]]:
    """Open the list of what is chosen between the stated times."""
    since, until = stated.resolve(store)
    return list_entities(store, chosen._replace(since=since, until=until))


def print_answer(rows: FirstRows[Any], columns: Sequence[str | Column], cells: Cells, *, as_json: bool) -> None:
    """Print rows as one JSON array or as a table, some at a time to save memory."""
    from interfaces.cli.table import print_rows

    if as_json:
        number = render_rows(rows)
    else:
        with answer_console() as console:
            number = print_rows(console, columns, (Row(cells(row)) for row in rows))
    rows.state_end()
    if not number:
        messages().print("nothing in the log is as asked")


def workflow_cells(row: Mapping[str, Any]) -> Sequence[Cell]:
    """Return the cells of a workflow."""
    counts = (row["tasks"], row["failed"], row["active"], row["orphans"])
    return (row["workflow_id"], *texts(*counts), row["first_at"], row["last_at"], statuses_in_words(row["by_status"]))


def statuses_in_words(by_status: Mapping[str, int]) -> str:
    """Return numbers of tasks by status, the most first: `DONE 12, RUNNING 3`."""
    ordered = sorted(by_status.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{status} {n}" for status, n in ordered)


def entity_cells(row: Mapping[str, Any]) -> Sequence[Cell]:
    """Return the cells of a task, and those that an instance has too."""
    return (
        row["entity"], row["workflow_id"], row["template"], row["status"], row["since"], *texts(row["attempts"]),
        row["rule"], row["actor"], row["reason"],
    )  # fmt: skip


def instance_cells(row: Mapping[str, Any]) -> Sequence[Cell]:
    """Return the cells of a task instance."""
    return (*entity_cells(row), row["report_by_date"])


def runner_cells(row: Mapping[str, Any]) -> Sequence[Cell]:
    """Return the cells of a runner."""
    return (row["entity"], row["status"], row["since"], row["heartbeat_at"])


def array_cells(row: Mapping[str, Any]) -> Sequence[Cell]:
    """Return the cells of an array."""
    return (
        row["entity"], row["workflow_id"], *texts(row["task_template_version_id"]), row["name"],
        *texts(row["max_concurrently_running"], row["batches"]), row["since"],
    )  # fmt: skip


def texts(*values: Any) -> tuple[str | None, ...]:
    """Return values as cells."""
    return tuple(None if value is None else str(value) for value in values)
