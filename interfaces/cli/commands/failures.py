"""`sojourn failures`: count what failed by reason, template, actor or node."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from interfaces.cli import connect
from interfaces.cli.archived import answers_from_archive
from interfaces.cli.empty_answer import explain_empty
from interfaces.cli.limit import Limit, one_more, render_first
from interfaces.cli.options import Workflow
from interfaces.cli.output import AsJson, Dsn, messages
from interfaces.cli.presentation import Listing
from interfaces.cli.stated_time import StatedTimes

if TYPE_CHECKING:
    from rich.console import Console

    from application.read.failures import Failures

app = typer.Typer()


@app.command(cls=Listing)
@answers_from_archive
def failures(
    ctx: typer.Context,
    workflow: Workflow = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="Count what ended at or after a time.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Count what ended before a time.")] = None,
    by: Annotated[
        Literal["reason", "template", "actor", "node"], typer.Option(help="Print a row for each.")
    ] = "reason",
    limit: Limit = None,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """Count failed attempts by reason, template, actor or node.

    An attempt is a task instance, or the task where its lifecycle has no instances. The example is the newest one:
    `sojourn why EXAMPLE` explains it. The node is the host on which an attempt last reported that it runs.
    """
    from application.read.failures import count_failures as read
    from domain.entity import TASK

    stated = StatedTimes(since=since, until=until)
    with connect.service(ctx, dsn) as service:
        begin, end = stated.resolve(service.store)
        rows = read(service.store, workflow, begin, end, by, limit=one_more(limit))
        if not rows and not explain_empty(service.store, TASK, workflow, None):
            messages().print("nothing failed")
    render_first(rows, limit, as_json=as_json, human=lambda console, shown: print_failures(console, shown, by))


def print_failures(console: "Console", rows: "list[Failures]", by: str) -> None:
    """Print a row for each group."""
    from interfaces.cli.columns import detail, entity, prose, table
    from interfaces.cli.table import print_table

    shown = table("failures>", "tasks>", detail("first"), "last", entity("example"), prose(by))
    for row in rows:
        times = (row["first_at"], row["last_at"])
        shown.add_row(str(row["n"]), str(row["tasks"]), *times, row["example"], row["group"] or f"(no {by})")
    if rows:
        print_table(console, shown)
