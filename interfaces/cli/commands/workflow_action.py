"""`sojourn reset` and `sojourn cancel`: act on the tasks of a whole workflow."""

from typing import TYPE_CHECKING, Annotated

import typer

from interfaces.cli import connect
from interfaces.cli.output import AsJson, Dsn, messages, render
from interfaces.cli.presentation import Listing

if TYPE_CHECKING:
    from rich.console import Console

    from application.write.workflow_action import WorkflowActionAnswer

app = typer.Typer()

WorkflowId = Annotated[
    str, typer.Option("--workflow", metavar="ID", help="Act on the tasks of this workflow.", show_default=False)
]
Statuses = Annotated[
    list[str] | None, typer.Option("--status", metavar="STATUS", help="Act on tasks in this status; repeatable.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print what would be recorded, and record nothing.")]
Reason = Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Record this reason with the events.")]


@app.command(cls=Listing)
def reset(
    ctx: typer.Context,
    workflow: WorkflowId,
    status: Statuses = None,
    dry_run: DryRun = False,
    reason: Reason = None,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """Send the tasks of a workflow back to their beginning.

    Finished tasks stay as they are, and running ones unless --status names their status. Active instances end.
    """
    with connect.service(ctx, dsn) as service:
        answer = service.reset_workflow(workflow, status or None, dry_run=dry_run, reason=reason)
    print_answer(answer, dry_run=dry_run, as_json=as_json)


@app.command(cls=Listing)
def cancel(
    ctx: typer.Context,
    workflow: WorkflowId,
    status: Statuses = None,
    dry_run: DryRun = False,
    reason: Reason = None,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """Cancel the tasks of a workflow that have not ended.

    They go to the status that their lifecycle names as `cancel_to`, with their active instances.
    """
    with connect.service(ctx, dsn) as service:
        answer = service.cancel_workflow(workflow, status or None, dry_run=dry_run, reason=reason)
    print_answer(answer, dry_run=dry_run, as_json=as_json)


def print_answer(answer: "WorkflowActionAnswer", *, dry_run: bool, as_json: bool) -> None:
    """Print what moved, or would move, and for people how much that is."""
    render(answer, as_json=as_json, human=lambda console: print_moves(console, answer))
    if not as_json:
        state_number(answer, dry_run=dry_run)


def print_moves(console: "Console", answer: "WorkflowActionAnswer") -> None:
    """Print a line for each task that moved or was refused."""
    from interfaces.cli.columns import entity, table
    from interfaces.cli.table import print_table

    shown = table(entity("task"), "from", "to", "refused by")
    for name, moved in answer["tasks"].items():
        shown.add_row(name, moved["from"], moved["to"], "")
    for name, rule in answer["refused"].items():
        shown.add_row(name, "", "", rule)
    if shown.rows:
        print_table(console, shown)


def state_number(answer: "WorkflowActionAnswer", *, dry_run: bool) -> None:
    """Print how many tasks moved."""
    moves = "would move" if dry_run else "moved"
    messages().print(f"{len(answer['tasks'])} tasks {moves}, {len(answer['refused'])} refused")
