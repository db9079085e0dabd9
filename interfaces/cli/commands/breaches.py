"""`sojourn breaches`: stays that have lasted longer than they may."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from interfaces.cli import connect
from interfaces.cli.failure import EXIT_FAILURE
from interfaces.cli.options import At, Workflow, time_of
from interfaces.cli.output import AsJson, Dsn, messages, show
from interfaces.wording.values import format_duration, format_time

if TYPE_CHECKING:
    from rich.console import Console

    from application.analyse.breaches import Breach

app = typer.Typer()

SHOWN = 500
"""How many rows people are shown."""


@app.command()
def breaches(
    ctx: typer.Context,
    sla: Annotated[Path, typer.Option(metavar="FILE", help="The limits (TOML).")],
    workflow: Workflow = None,
    only_open: Annotated[bool, typer.Option("--open", help="Only those that go on.")] = False,
    at: At = None,
    fail: Annotated[bool, typer.Option("--fail", help="End with status 1 where there is any.")] = False,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """Stays that have lasted longer than they may, those that go on too.

    The file has a [[limit]] for each status: `status = "RUNNING"`, `at_most = "2h"`, and `entity = "ti"` or
    `template = "align"` where it is not for all tasks. A template's own limit takes the place of the one for all.
    """
    from application.analyse.breaches import breaches as read

    time = time_of(at)
    with connect.service(ctx, dsn) as service:
        rows = read(service.store, sla, workflow, time, only_open=only_open)
    show(rows, as_json=as_json, people=lambda console: tell(console, rows))
    if rows and fail:
        raise typer.Exit(EXIT_FAILURE)


def tell(console: "Console", rows: "list[Breach]") -> None:
    """What people read: the first rows, and how many there are."""
    from interfaces.cli.table import print_table, table

    shown = table("entity", "template", "status", "entered", "exited", "for>", "at most>")
    for row in rows[:SHOWN]:
        shown.add_row(
            row["entity"],
            row["template"] or "",
            row["status"],
            format_time(row["entered_at"]),
            format_time(row["exited_at"]),
            format_duration(row["seconds"]),
            format_duration(row["limit_seconds"]),
        )
    if rows:
        print_table(console, shown)
    still = sum(row["open"] for row in rows)
    messages().print(f"{len(rows):,} longer than they may be, {still:,} of them still there")
    if len(rows) > SHOWN:
        messages().print(f"These are the first {SHOWN}: --json has them all, --open or --workflow fewer.")
