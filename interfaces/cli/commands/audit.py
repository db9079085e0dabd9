"""`sojourn audit`: print every status of tasks or task instances with its interval."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from interfaces.cli import connect
from interfaces.cli.empty_answer import explain_before_first_event, explain_empty
from interfaces.cli.options import At, Workflow
from interfaces.cli.output import AsJson, Dsn, console, messages, render_rows
from interfaces.cli.stated_time import StatedTimes
from interfaces.wording.values import format_duration, format_time

if TYPE_CHECKING:
    from datetime import datetime

    from application.shared.store import Store

app = typer.Typer()

SHOWN = 500
"""The number of rows in a table for people."""


@app.command()
def audit(
    ctx: typer.Context,
    entity: Annotated[
        Literal["task", "ti", "task_instance"], typer.Option(help="Print tasks or task instances.")
    ] = "task",
    task: Annotated[str | None, typer.Option(metavar="ID", help="Print one task, or its instances.")] = None,
    array: Annotated[str | None, typer.Option(metavar="ID", help="Print the task instances of one array.")] = None,
    workflow: Workflow = None,
    at: At = None,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """Print every status with its interval.

    The table has the first rows; --json has all.
    """
    from application.read.audit import read_audit as of_tasks
    from application.read.audit import read_instance_audit as of_instances
    from domain.entity import ALIASES, TASK

    kind = "task_instance" if array is not None else ALIASES.get(entity, entity)
    stated = StatedTimes(at=at)
    limit = None if as_json else SHOWN + 1
    with connect.service(ctx, dsn) as service:
        [time] = stated.resolve(service.store)
        store = service.store
        reading: AbstractContextManager[Iterator[Any]] = (
            of_tasks(store, task, workflow, time, limit=limit)
            if kind == TASK
            else of_instances(store, task, workflow, array, time, limit=limit)
        )
        with reading as rows:
            number = render_rows(rows) if as_json else print_audit(list(rows), kind)
        if not number:
            explain_no_rows(store, kind, task, workflow, time)


def print_audit(rows: "Sequence[Mapping[str, Any]]", kind: str) -> int:
    """Print the first rows, and whether there are more; return the number of rows."""
    from interfaces.cli.table import print_table, table

    shown = table(kind.replace("_", " "), "workflow", "from", "to", "entered", "exited", "for>")
    for row in rows[:SHOWN]:
        shown.add_row(
            row[f"{kind}_id"],
            row["workflow_id"],
            row["previous_status"],
            row["new_status"],
            format_time(row["entered_at"]),
            format_time(row["exited_at"]),
            format_duration(row["duration_seconds"]),
        )
    if rows:
        print_table(console(), shown)
    if len(rows) > SHOWN:
        messages().print(f"These are the first {SHOWN} rows; --json prints all, --task or --workflow fewer.")
    return len(rows)


def explain_no_rows(store: "Store", kind: str, task: str | None, workflow: str | None, at: "datetime | None") -> None:
    """Print why there is no row."""
    from domain.entity import TASK, Entity

    if task is None:
        explain_empty(store, kind, workflow, at)
    elif kind != TASK:
        messages().print(f"task {task!r} had no task instances" + (f" at {format_time(at)}" if at else ""))
    elif at is not None:
        explain_before_first_event(store, Entity(TASK, task), at)
