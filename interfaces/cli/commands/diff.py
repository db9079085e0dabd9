"""`sojourn diff`: print what changed between two times."""

from typing import TYPE_CHECKING, Annotated

import typer

from interfaces.cli import connect
from interfaces.cli.empty_answer import explain_empty
from interfaces.cli.options import Workflow
from interfaces.cli.output import AsJson, Dsn, console, messages, render_rows
from interfaces.cli.stated_time import StatedTimes
from interfaces.wording.values import format_time

if TYPE_CHECKING:
    from application.read.diff import Difference

app = typer.Typer()

SHOWN = 500
"""The number of rows in a table for people."""


@app.command()
def diff(
    ctx: typer.Context,
    start: Annotated[str, typer.Option("--from", metavar="TIME", help="Begin at a time: -2h, yesterday, 2026-11-28.")],
    end: Annotated[str, typer.Option("--to", metavar="TIME", help="End at a time: now, today, 2026-11-28 08:30.")],
    workflow: Workflow = None,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """Print what changed between two times.

    New tasks and task instances are included.

    The table has the first rows; --json has all.
    """
    from application.read.diff import find_differences as read
    from domain.entity import TASK

    stated = StatedTimes(from_=start, to=end)
    with connect.service(ctx, dsn) as service:
        since, until = stated.resolve(service.store)
        assert since is not None
        assert until is not None
        with read(service.store, since, until, workflow, limit=None if as_json else SHOWN + 1) as rows:
            number = render_rows(rows) if as_json else print_differences(list(rows))
        if not number and not explain_empty(service.store, TASK, workflow, until):
            messages().print(f"nothing changed between {format_time(since)} and {format_time(until)}")


def print_differences(rows: "list[Difference]") -> int:
    """Print the first rows, and whether there are more; return the number of rows."""
    from interfaces.cli.table import print_table, table

    shown = table("entity", "before", "after", "since")
    for row in rows[:SHOWN]:
        shown.add_row(
            row["entity"],
            row["before"] or "(not there)",
            row["after"],
            format_time(row["since"]),
            style=None if row["before"] else "bold",
        )
    if rows:
        print_table(console(), shown)
    if len(rows) > SHOWN:
        messages().print(f"These are the first {SHOWN} rows; --json prints all, --workflow fewer.")
    return len(rows)
