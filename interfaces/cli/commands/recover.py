"""`sojourn recover`: requeue tasks that nobody works on."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from interfaces.cli import connect
from interfaces.cli.failure import EXIT_FAILURE
from interfaces.cli.options import seconds_of
from interfaces.cli.output import AsJson, Dsn, render
from interfaces.cli.presentation import Listing
from interfaces.wording.values import format_duration

if TYPE_CHECKING:
    from rich.console import Console

    from application.maintain.recover import RecoverAnswer

app = typer.Typer()

SHOWN = 100
"""The number of entities that are printed one by one."""


@app.command(cls=Listing)
def recover(
    ctx: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be done, and write nothing.")] = False,
    max_pending: Annotated[
        str | None,
        typer.Option("--max-pending", metavar="DURATION", help="Override how long a task may be pending (5s)."),
    ] = None,
    runner_dead_after: Annotated[
        str | None,
        typer.Option("--runner-dead-after", metavar="DURATION", help="Override how long a runner may be silent (10m)."),
    ] = None,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """Requeue tasks that nobody works on any more.

    These are tasks that are pending for too long, and tasks whose runner is silent.

    Each lifecycle says for how long, and by which path a task gets back to where it can run again. Silent runners and
    task instances are recorded as silent. The exit status is 1 if a task could not be decided.
    """
    with connect.service(ctx, dsn) as service:
        answer = service.recover(
            dry_run=dry_run,
            max_pending_seconds=seconds_of(max_pending, or_zero=True),
            runner_dead_after=seconds_of(runner_dead_after, or_zero=True),
        )
    render(answer, as_json=as_json, human=lambda console: print_recovery(console, answer, dry_run=dry_run))
    if any(skipped["failed"] for skipped in answer["skipped"]):
        raise typer.Exit(EXIT_FAILURE)


def print_recovery(console: "Console", answer: "RecoverAnswer", *, dry_run: bool) -> None:
    """Print a line for each of the first entities, and their number."""
    from interfaces.cli.columns import entity, prose, table
    from interfaces.cli.table import print_table

    rows = list(lines(answer))
    shown = table(entity("entity"), prose("what"), "owner", prose("why"))
    for cells, style in rows[:SHOWN]:
        shown.add_row(*cells, style=style)
    if rows:
        print_table(console, shown)
    if len(rows) > SHOWN:
        console.print(f"and {len(rows) - SHOWN:,} more; --json prints all")
    done = "Would recover" if dry_run else "Recovered"
    console.print(
        f"{done}: {len(answer['recovered']):,}; left alone: {len(answer['skipped']):,}; "
        f"silent: {len(answer['lapsed']):,}."
    )


def lines(answer: "RecoverAnswer") -> Iterator[tuple[tuple[str, ...], str | None]]:
    """Yield the cells and style of each entity, failed ones first."""
    from datetime import UTC, datetime

    now = datetime.now(UTC)
    for skipped in sorted(answer["skipped"], key=lambda skipped: not skipped["failed"]):
        yield (skipped["entity"], "left alone", "", skipped["why"]), "bold" if skipped["failed"] else "dim"
    for lapsed in answer["lapsed"]:
        yield (lapsed["entity"], "silent", "", f"for {format_duration(now - lapsed['since'])}"), None
    for task in answer["recovered"]:
        path = " -> ".join((task["from"], *task["way"]))
        yield (task["entity"], path, task["owner"] or "", task["reason"]), None
