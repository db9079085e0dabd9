"""`sojourn diff`: what changed between two times."""

from typing import TYPE_CHECKING, Annotated

import typer

from interfaces.cli import connect
from interfaces.cli.empty_answer import explain_empty
from interfaces.cli.options import Workflow
from interfaces.cli.output import AsJson, Dsn, console, messages, show_rows
from interfaces.wording.values import format_time

if TYPE_CHECKING:
    from application.read.diff import Difference

app = typer.Typer()

SHOWN = 500
"""How many rows people are shown."""


@app.command()
def diff(
    ctx: typer.Context,
    start: Annotated[str, typer.Option("--from", metavar="TIME", help="ISO 8601 with a zone.")],
    end: Annotated[str, typer.Option("--to", metavar="TIME", help="ISO 8601 with a zone.")],
    workflow: Workflow = None,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """The tasks and task instances that were in another status at the end than at the start, or did not exist then.

    People are shown the first rows; JSON has them all.
    """
    from application.read.diff import diff as read
    from domain.entity import TASK
    from domain.time import parse_time

    since, until = parse_time(start), parse_time(end)
    with connect.service(ctx, dsn) as service:
        with read(service.store, since, until, workflow, limit=None if as_json else SHOWN + 1) as rows:
            number = show_rows(rows) if as_json else tell(list(rows))
        if not number and not explain_empty(service.store, TASK, workflow, until):
            messages().print(f"nothing changed between {format_time(since)} and {format_time(until)}")


def tell(rows: "list[Difference]") -> int:
    """What people read: the first rows, and whether there are more; the answer is how many there are."""
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
        messages().print(f"These are the first {SHOWN} rows: --json has them all, --workflow fewer.")
    return len(rows)
