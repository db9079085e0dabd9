"""`sojourn attempts`: how many attempts tasks take, and what is lost in those that fail."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from interfaces.cli import connect
from interfaces.cli.empty_answer import explain_empty
from interfaces.cli.options import At, Workflow, time_of
from interfaces.cli.output import AsJson, Dsn, show
from interfaces.wording.values import format_duration, format_share

if TYPE_CHECKING:
    from rich.console import Console

    from application.analyse.attempts import Attempts

app = typer.Typer()


@app.command()
def attempts(
    ctx: typer.Context,
    by: Annotated[Literal["workflow", "template"] | None, typer.Option(help="A row for each.")] = None,
    workflow: Workflow = None,
    at: At = None,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """How many attempts tasks take, and what is lost in those that fail.

    An attempt is a task instance where the lifecycle has them, and else what the task counts. Wasted is the time in
    attempts that failed; first try is the share of tasks whose first attempt succeeded, of those where it has ended.
    """
    from application.analyse.attempts import attempts as read
    from domain.entity import TASK

    time = time_of(at)
    with connect.service(ctx, dsn) as service:
        rows = read(service.store, by, workflow, time)
        if not rows:
            explain_empty(service.store, TASK, workflow, time)
    show(rows, as_json=as_json, people=lambda console: tell(console, rows, by))


def tell(console: "Console", rows: "list[Attempts]", by: str | None) -> None:
    """What people read."""
    from interfaces.cli.table import print_table, table

    counts = ("tasks", "attempts", "most_attempts", "succeeded", "failed", "interrupted", "open")
    names = ("tasks", "attempts", "most", "succeeded", "failed", "interrupted", "open")
    shown = table(
        *((by,) if by else ()),
        *(f"{name}>" for name in names[:2]),
        "per task>",
        *(f"{name}>" for name in names[2:]),
        "time>",
        "wasted>",
        "of time>",
        "first try>",
    )
    for row in rows:
        told = [str(row[name]) for name in counts]  # type: ignore[literal-required]
        shown.add_row(
            *((row["group"] or "",) if by else ()),
            *told[:2],
            f"{row['attempts_per_task']:.2f}",
            *told[2:],
            format_duration(row["total_seconds"]),
            format_duration(row["wasted_seconds"]),
            format_share(row["wasted_share"]),
            format_share(row["first_try_share"]),
        )
    if rows:
        print_table(console, shown)
