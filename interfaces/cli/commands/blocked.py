"""`sojourn blocked`: print what keeps tasks from starting."""

from typing import TYPE_CHECKING

import typer

from interfaces.cli import connect
from interfaces.cli.archived import answers_from_archive
from interfaces.cli.empty_answer import explain_empty
from interfaces.cli.limit import Limit, one_more, render_first
from interfaces.cli.options import At, Workflow
from interfaces.cli.output import AsJson, Dsn, messages
from interfaces.cli.presentation import Listing

if TYPE_CHECKING:
    from rich.console import Console

    from application.read.blocked import Blocked

app = typer.Typer()


@app.command(cls=Listing)
@answers_from_archive
def blocked(
    ctx: typer.Context,
    workflow: Workflow = None,
    at: At = None,
    limit: Limit = None,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """Print what keeps tasks from starting.

    A task cannot start where one that it waits for, at any distance through tasks that have not begun either, failed
    and will not be tried again, or is not moved on by anything. `sojourn why CAUSE` explains the cause.
    """
    from application.read.blocked import find_blocked as read
    from domain.entity import TASK

    with connect.service_as_of(ctx, dsn, at) as (service, time):
        rows = read(service.store, workflow, time, limit=one_more(limit))
        if not rows and not explain_empty(service.store, TASK, workflow, time):
            messages().print("nothing keeps tasks from starting")
    render_first(rows, limit, as_json=as_json, human=print_blocked)


def print_blocked(console: "Console", rows: "list[Blocked]") -> None:
    """Print a row for each cause."""
    from interfaces.cli.columns import detail, entities, entity, table
    from interfaces.cli.table import print_table

    shown = table("blocked>", entity("cause"), "status", "since", "why", detail("owner"), entities("for example"))
    for row in rows:
        owner = f"runner:{row['owner']}" if row["owner"] else ""
        examples = ", ".join(f"task:{task_id}" for task_id in row["examples"])
        shown.add_row(str(row["blocked"]), row["cause"], row["status"], row["since"], row["reason"], owner, examples)
    if rows:
        print_table(console, shown)
