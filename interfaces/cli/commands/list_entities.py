"""`sojourn list`: find the workflows, tasks, task instances, runners and arrays of the log."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Annotated, Any

import typer

from domain.printable import printable
from interfaces.cli import connect
from interfaces.cli.options import Workflow
from interfaces.cli.output import AsJson, Dsn, console, messages, render_rows
from interfaces.cli.stated_time import StatedTimes
from interfaces.wording.values import format_time

app = typer.Typer(name="list", no_args_is_help=True, help="List workflows, tasks, instances, runners and arrays.")

CHUNK = 1_000
"""The number of rows whose widths decide those of a table's columns, and that are held at a time."""

Status = Annotated[list[str] | None, typer.Option("--status", metavar="STATUS", help="Choose a status; repeatable.")]
Template = Annotated[str | None, typer.Option("--template", metavar="NAME", help="Choose one template.")]
Actor = Annotated[str | None, typer.Option("--actor", metavar="NAME", help="Choose by who reported the status.")]
Failed = Annotated[bool, typer.Option("--failed", help="Choose what failed.")]
Active = Annotated[bool, typer.Option("--active", help="Choose what has not ended.")]
Since = Annotated[str | None, typer.Option("--since", metavar="TIME", help="Choose what changed at or after a time.")]
Until = Annotated[str | None, typer.Option("--until", metavar="TIME", help="Choose what changed before a time.")]
Limit = Annotated[int | None, typer.Option("--limit", metavar="NUMBER", min=1, help="List at most this many rows.")]

Cells = Callable[[Mapping[str, Any]], Sequence[str]]

COLUMNS = ("entity", "workflow", "template", "status", "since", "attempts>", "rule", "actor", "reason")


@app.command()
def workflows(
    ctx: typer.Context,
    since: Since = None,
    until: Until = None,
    failed: Failed = False,
    active: Active = False,
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
        rows = list_workflows(service.store, begin, end, failed=failed, active=active, limit=limit)
    columns = ("workflow", "tasks>", "failed>", "active>", "orphans>", "first", "last", "by status")
    print_rows(iter(rows), columns, workflow_cells, as_json=as_json)


@app.command()
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
    limit: Limit = None,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """List tasks in their current status, the newest first.

    --since and --until are about when the status was entered. Rule, actor and reason are of the last transition.
    """
    from application.read.lists import Chosen, list_tasks

    stated = StatedTimes(since=since, until=until)
    with connect.service(ctx, dsn) as service:
        begin, end = stated.resolve(service.store)
        chosen = Chosen(workflow, status, template, failed, active, begin, end, actor, limit)
        with list_tasks(service.store, chosen) as rows:
            print_rows(rows, COLUMNS, entity_cells, as_json=as_json)


@app.command()
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
    limit: Limit = None,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """List task instances in their current status, the newest first.

    --since and --until are about when the status was entered. Rule, actor and reason are of the last transition.
    """
    from application.read.lists import Chosen, list_task_instances

    stated = StatedTimes(since=since, until=until)
    with connect.service(ctx, dsn) as service:
        begin, end = stated.resolve(service.store)
        chosen = Chosen(workflow, status, template, failed, active, begin, end, actor, limit)
        with list_task_instances(service.store, chosen) as rows:
            print_rows(rows, (*COLUMNS, "report by"), instance_cells, as_json=as_json)


@app.command()
def runners(
    ctx: typer.Context,
    status: Status = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = None,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """List runners (ALIVE or SILENT) with their last heartbeat."""
    from application.read.lists import Chosen, list_runners

    stated = StatedTimes(since=since, until=until)
    with connect.service(ctx, dsn) as service:
        begin, end = stated.resolve(service.store)
        with list_runners(service.store, Chosen(statuses=status, since=begin, until=end, limit=limit)) as rows:
            print_rows(rows, ("entity", "status", "since", "heartbeat"), runner_cells, as_json=as_json)


@app.command()
def arrays(
    ctx: typer.Context,
    workflow: Workflow = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = None,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """List arrays with their batches and limits, the newest change first."""
    from application.read.lists import Chosen, list_arrays

    columns = ("entity", "workflow", "template version", "name", "at once>", "batches>", "since")
    stated = StatedTimes(since=since, until=until)
    with connect.service(ctx, dsn) as service:
        begin, end = stated.resolve(service.store)
        with list_arrays(service.store, Chosen(workflow, since=begin, until=end, limit=limit)) as rows:
            print_rows(rows, columns, array_cells, as_json=as_json)


def print_rows(rows: Iterator[Any], columns: Sequence[str], cells: Cells, *, as_json: bool) -> None:
    """Print rows as one JSON array or as a table, some at a time to save memory."""
    number = render_rows(rows) if as_json else print_chunks(map(cells, rows), columns)
    if not number:
        messages().print("nothing in the log is as asked")


def print_chunks(lines: Iterator[Sequence[str]], columns: Sequence[str]) -> int:
    """Print lines as one table, and return their number; the first chunk sets the widths of the columns."""
    from interfaces.cli.table import print_table, table

    number = 0
    widths: Sequence[int] = ()
    while chunk := list(islice(lines, CHUNK)):
        shown = table(*columns, widths=widths)
        for line in chunk:
            shown.add_row(*line)
        print_table(console(), shown)
        number += len(chunk)
        widths = widths or [
            max(len(printable(str(cell))) for cell in (column.header, *column.cells)) for column in shown.columns
        ]
    return number


def workflow_cells(row: Mapping[str, Any]) -> Sequence[str]:
    """Return the cells of a workflow."""
    counts = (row["tasks"], row["failed"], row["active"], "" if row["orphans"] is None else row["orphans"])
    times = (format_time(row["first_at"]), format_time(row["last_at"]))
    return (row["workflow_id"], *map(str, counts), *times, statuses_in_words(row["by_status"]))


def statuses_in_words(by_status: Mapping[str, int]) -> str:
    """Return numbers of tasks by status, the most first: `DONE 12, RUNNING 3`."""
    ordered = sorted(by_status.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{status} {n}" for status, n in ordered)


def entity_cells(row: Mapping[str, Any]) -> Sequence[str]:
    """Return the cells of a task, and those that an instance has too."""
    return texts(
        row["entity"], row["workflow_id"], row["template"], row["status"], format_time(row["since"]),
        row["attempts"], row["rule"], row["actor"], row["reason"],
    )  # fmt: skip


def instance_cells(row: Mapping[str, Any]) -> Sequence[str]:
    """Return the cells of a task instance."""
    return (*entity_cells(row), format_time(row["report_by_date"]))


def runner_cells(row: Mapping[str, Any]) -> Sequence[str]:
    """Return the cells of a runner."""
    return (row["entity"], row["status"], format_time(row["since"]), format_time(row["heartbeat_at"]))


def array_cells(row: Mapping[str, Any]) -> Sequence[str]:
    """Return the cells of an array."""
    return texts(
        row["entity"], row["workflow_id"], row["task_template_version_id"], row["name"],
        row["max_concurrently_running"], row["batches"], format_time(row["since"]),
    )  # fmt: skip


def texts(*values: Any) -> tuple[str, ...]:
    """Return values as cells; None is an empty one."""
    return tuple(map(str, ("" if value is None else value for value in values)))
