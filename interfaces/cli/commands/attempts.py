"""`sojourn attempts`: print how many attempts tasks take, and what failed ones cost."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from interfaces.cli import connect
from interfaces.cli.archived import answers_from_archive
from interfaces.cli.empty_answer import explain_empty
from interfaces.cli.left_out import state_left_out
from interfaces.cli.limit import Limit, render_first
from interfaces.cli.options import At, Workflow
from interfaces.cli.output import AsJson, Dsn
from interfaces.cli.presentation import Listing
from interfaces.wording.values import format_duration, format_share

if TYPE_CHECKING:
    from rich.console import Console

    from application.analyse.attempts import Attempts

app = typer.Typer()


@app.command(cls=Listing)
@answers_from_archive
def attempts(
    ctx: typer.Context,
    by: Annotated[Literal["workflow", "template"] | None, typer.Option(help="Print a row for each.")] = None,
    workflow: Workflow = None,
    at: At = None,
    limit: Limit = None,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """Count attempts, and the time that failed ones cost.

    An attempt is a task instance, or what the task counts where its lifecycle has no instances. Wasted is the time that
    failed attempts ran. Lost attempts never ended, but their workflow did. First try is the share of tasks whose first
    attempt succeeded, among those where it came to an end of its own.
    """
    from application.analyse.attempts import count_attempts as read
    from domain.entity import TASK

    with connect.service_as_of(ctx, dsn, at) as (service, time):
        state_left_out(service.store, workflow)
        rows = read(service.store, by, workflow, time)
        if not rows:
            explain_empty(service.store, TASK, workflow, time)
    render_first(rows, limit, as_json=as_json, human=lambda console, shown: print_attempts(console, shown, by))


def print_attempts(console: "Console", rows: "list[Attempts]", by: str | None) -> None:
    """Print a row for each group."""
    from interfaces.cli.columns import detail, table
    from interfaces.cli.table import print_table

    ends = ("succeeded", "failed", "cancelled", "interrupted", "lost", "open")
    counts = ("tasks", "attempts", "most_attempts", *ends)
    names = ("tasks", "attempts", "most", *ends)
    shown = table(
        *((by,) if by else ()),
        *(f"{name}>" for name in names[:2]),
        detail("per task>"),
        detail("most>"),
        *(f"{name}>" for name in names[3:5]),
        *(detail(f"{name}>") for name in names[5:]),
        detail("time>"),
        detail("run>"),
        "wasted>",
        detail("of run>"),
        "first try>",
    )
    for row in rows:
        cells = [str(row[name]) for name in counts]  # type: ignore[literal-required]
        shown.add_row(
            *((row["group"] or "",) if by else ()),
            *cells[:2],
            f"{row['attempts_per_task']:.2f}",
            *cells[2:],
            format_duration(row["total_seconds"]),
            format_duration(row["run_seconds"]),
            format_duration(row["wasted_seconds"]),
            format_share(row["wasted_share"]),
            format_share(row["first_try_share"]),
        )
    if rows:
        print_table(console, shown)
