"""`sojourn breaches`: list intervals over their limit."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from interfaces.cli import connect
from interfaces.cli.archived import answers_from_archive
from interfaces.cli.failure import EXIT_FAILURE
from interfaces.cli.left_out import state_left_out
from interfaces.cli.limit import FirstRows, Limit
from interfaces.cli.options import At, Workflow
from interfaces.cli.output import AsJson, Dsn, messages, render
from interfaces.cli.presentation import Listing
from interfaces.wording.values import format_duration

if TYPE_CHECKING:
    from rich.console import Console

    from application.analyse.breaches import Breach

app = typer.Typer()


@app.command(cls=Listing)
@answers_from_archive
def breaches(
    ctx: typer.Context,
    sla: Annotated[Path, typer.Option(metavar="FILE", help="Read the limits from a TOML file.")],
    workflow: Workflow = None,
    only_open: Annotated[bool, typer.Option("--open", help="List open intervals only.")] = False,
    at: At = None,
    limit: Limit = None,
    fail: Annotated[bool, typer.Option("--fail", help="Exit with status 1 if there is any.")] = False,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """List intervals over their limit, including open ones.

    The file has a [[limit]] for each status: `status = "RUNNING"`, `max_duration = "2h"`, and `entity = "ti"` or
    `template = "align"` where it is not for all tasks. A template's own limit overrides the one for all.
    """
    from application.analyse.breaches import find_breaches as read

    with connect.service_as_of(ctx, dsn, at) as (service, time):
        state_left_out(service.store, workflow)
        rows = read(service.store, sla, workflow, time, only_open=only_open)
    first = FirstRows(rows, limit)
    shown = list(first)
    render(shown, as_json=as_json, human=lambda console: print_breaches(console, shown))
    if not as_json:
        messages().print(f"{len(rows):,} over their limit, {sum(row['open'] for row in rows):,} of them open")
    first.state_end()
    if rows and fail:
        raise typer.Exit(EXIT_FAILURE)


def print_breaches(console: "Console", rows: "list[Breach]") -> None:
    """Print a line for each interval."""
    from interfaces.cli.columns import detail, entity, table
    from interfaces.cli.table import print_table

    shown = table(entity("entity"), detail("template"), "status", "entered", "exited", "for>", "at most>")
    for row in rows:
        shown.add_row(
            row["entity"],
            row["template"],
            row["status"],
            row["entered_at"],
            row["exited_at"],
            format_duration(row["seconds"]),
            format_duration(row["limit_seconds"]),
        )
    if rows:
        print_table(console, shown)
