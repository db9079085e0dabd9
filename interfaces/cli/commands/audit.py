"""`sojourn audit`: print every status of tasks or task instances with its interval."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from interfaces.cli import connect
from interfaces.cli.archived import answers_from_archive
from interfaces.cli.empty_answer import explain_before_first_event, explain_empty
from interfaces.cli.limit import FirstRows, Limit, one_more
from interfaces.cli.options import At, Workflow
from interfaces.cli.output import AsJson, Dsn, answer_console, messages, render_rows
from interfaces.cli.presentation import Listing
from interfaces.wording.values import format_duration, format_time

if TYPE_CHECKING:
    from datetime import datetime

    from application.shared.store import Store

app = typer.Typer()


@app.command(cls=Listing)
@answers_from_archive
def audit(
    ctx: typer.Context,
    entity: Annotated[
        Literal["task", "ti", "task_instance"], typer.Option(help="Print tasks or task instances.")
    ] = "task",
    task: Annotated[str | None, typer.Option(metavar="ID", help="Print one task, or its instances.")] = None,
    array: Annotated[str | None, typer.Option(metavar="ID", help="Print the task instances of one array.")] = None,
    workflow: Workflow = None,
    at: At = None,
    limit: Limit = None,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """Print every status with its interval."""
    from application.read.audit import read_audit as of_tasks
    from application.read.audit import read_instance_audit as of_instances
    from domain.entity import ALIASES, TASK

    kind = "task_instance" if array is not None else ALIASES.get(entity, entity)
    with connect.service_as_of(ctx, dsn, at) as (service, time):
        store = service.store
        reading: AbstractContextManager[Iterator[Any]] = (
            of_tasks(store, task, workflow, time, limit=one_more(limit))
            if kind == TASK
            else of_instances(store, task, workflow, array, time, limit=one_more(limit))
        )
        with reading as rows:
            first = FirstRows(rows, limit)
            number = render_rows(first) if as_json else print_audit(first, kind)
        first.state_end()
        if not number:
            explain_no_rows(store, kind, task, workflow, time)


def print_audit(rows: "Iterable[Mapping[str, Any]]", kind: str) -> int:
    """Print a line for each status, and return their number."""
    from interfaces.cli.columns import Row, detail, entity
    from interfaces.cli.table import print_rows

    def cells(row: "Mapping[str, Any]") -> Row:
        statuses = (row["previous_status"], row["new_status"], row["entered_at"], row["exited_at"])
        return Row((row[f"{kind}_id"], row["workflow_id"], *statuses, format_duration(row["duration_seconds"])))

    columns = (entity(kind.replace("_", " ")), detail("workflow"), "from", "to", "entered", "exited", "for>")
    with answer_console() as console:
        return print_rows(console, columns, map(cells, rows))


def explain_no_rows(store: "Store", kind: str, task: str | None, workflow: str | None, at: "datetime | None") -> None:
    """Print why there is no row."""
    from domain.entity import TASK, Entity

    if task is None:
        explain_empty(store, kind, workflow, at)
    elif kind != TASK:
        messages().print(f"task {task!r} had no task instances" + (f" at {format_time(at)}" if at else ""))
    elif at is not None:
        explain_before_first_event(store, Entity(TASK, task), at)
