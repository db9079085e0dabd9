"""`sojourn recover`: whoever was left behind is sent on its way."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from interfaces.cli import connect
from interfaces.cli.failure import EXIT_FAILURE
from interfaces.cli.options import seconds_of
from interfaces.cli.output import AsJson, Dsn, show
from interfaces.wording.values import format_duration

if TYPE_CHECKING:
    from rich.console import Console

    from application.maintain.recover import RecoverAnswer

app = typer.Typer()

SHOWN = 100
"""How many entities people are told one by one."""


@app.command()
def recover(
    ctx: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    max_pending: Annotated[
        str | None,
        typer.Option(
            "--max-pending", metavar="DURATION", help="How long a task may be pending (5s), not as its lifecycle says."
        ),
    ] = None,
    runner_dead_after: Annotated[
        str | None,
        typer.Option(
            "--runner-dead-after", metavar="DURATION", help="How long a runner may be silent (10m), likewise."
        ),
    ] = None,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """Send tasks on their way that are pending for too long, or whose runner is silent.

    Each lifecycle says for how long, and which way leads back to where a task can be run again. Runners and task
    instances that have fallen silent are recorded as silent. The exit status is 1 where a task could not be decided on.
    """
    with connect.service(ctx, dsn) as service:
        answer = service.recover(
            dry_run=dry_run,
            max_pending_seconds=seconds_of(max_pending, or_zero=True),
            runner_dead_after=seconds_of(runner_dead_after, or_zero=True),
        )
    show(answer, as_json=as_json, people=lambda console: tell(console, answer, dry_run=dry_run))
    if any(skipped["failed"] for skipped in answer["skipped"]):
        raise typer.Exit(EXIT_FAILURE)


def tell(console: "Console", answer: "RecoverAnswer", *, dry_run: bool) -> None:
    """A line for each of the first entities, and how many there were."""
    from interfaces.cli.table import print_table, table

    told = list(lines(answer))
    shown = table("entity", "what", "owner", "why")
    for cells, style in told[:SHOWN]:
        shown.add_row(*cells, style=style)
    if told:
        print_table(console, shown)
    if len(told) > SHOWN:
        console.print(f"and {len(told) - SHOWN:,} more: --json prints them all")
    done = "Would recover" if dry_run else "Recovered"
    console.print(
        f"{done}: {len(answer['recovered']):,}; left alone: {len(answer['skipped']):,}; "
        f"fallen silent: {len(answer['lapsed']):,}."
    )


def lines(answer: "RecoverAnswer") -> Iterator[tuple[tuple[str, ...], str | None]]:
    """A line of each entity with its style, first those that somebody should look into."""
    from datetime import UTC, datetime

    now = datetime.now(UTC)
    for skipped in sorted(answer["skipped"], key=lambda skipped: not skipped["failed"]):
        yield (skipped["entity"], "left alone", "", skipped["why"]), "bold" if skipped["failed"] else "dim"
    for lapsed in answer["lapsed"]:
        yield (lapsed["entity"], "silent", "", f"for {format_duration(now - lapsed['since'])}"), None
    for task in answer["recovered"]:
        way = " -> ".join((task["from"], *task["way"]))
        yield (task["entity"], way, task["owner"] or "", task["reason"]), None
