"""`sojourn workflow`: print one workflow at a glance."""

from typing import TYPE_CHECKING

import typer

from interfaces.cli import connect
from interfaces.cli.archived import answers_from_archive
from interfaces.cli.options import At, WorkflowName
from interfaces.cli.output import AsJson, Dsn, messages, render
from interfaces.cli.presentation import Listing
from interfaces.wording.values import format_duration, format_share, format_time

if TYPE_CHECKING:
    from rich.console import Console

    from application.read.workflow import Slowest, WorkflowSummary

app = typer.Typer()


@app.command(cls=Listing)
@answers_from_archive
def workflow(
    ctx: typer.Context,
    workflow_id: WorkflowName,
    at: At = None,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """Print one workflow: its tasks by status, failures, orphans.

    Failures are counted by reason. The slowest are the statuses of templates in which 9 of 10 tasks stay longest.
    """
    from application.read.workflow import summarize_workflow as read

    with connect.service_as_of(ctx, dsn, at) as (service, time):
        found = read(service.store, workflow_id, time)
    if not found["tasks"]:
        messages().print(f"workflow {workflow_id!r} had no tasks at {format_time(time)}")
    render(found, as_json=as_json, human=lambda console: print_workflow(console, found))


def print_workflow(console: "Console", found: "WorkflowSummary") -> None:
    """Print the parts of the summary that have something to show."""
    from interfaces.cli.commands.failures import print_failures
    from interfaces.cli.commands.orphans import print_orphans
    from interfaces.wording.orphan_rows import group_orphans

    if not found["tasks"]:
        return
    print_counts(console, found)
    if found["failures"]:
        console.print("Failures", style="bold")
        print_failures(console, found["failures"], "reason")
    if found["slowest"]:
        console.print("Slowest", style="bold")
        print_slowest(console, found["slowest"])
    if found["orphans"]:
        console.print("Orphans", style="bold")
        print_orphans(console, group_orphans(found["orphans"]))


def print_counts(console: "Console", found: "WorkflowSummary") -> None:
    """Print how far the workflow is."""
    ended = found["tasks"] - found["active"]
    statuses = sorted(found["by_status"].items(), key=lambda item: (-item[1], item[0]))
    share = format_share(ended / found["tasks"])
    console.print(f"{found['workflow_id']}  {ended} of {found['tasks']} tasks ended ({share})")
    console.print(", ".join(f"{status} {n}" for status, n in statuses))
    console.print(f"from {format_time(found['first_at'])} to {format_time(found['last_at'])}")


def print_slowest(console: "Console", rows: "list[Slowest]") -> None:
    """Print how long tasks of a template stay in a status."""
    from interfaces.cli.columns import table
    from interfaces.cli.table import print_table

    shown = table("template", "status", "intervals>", "p90>")
    for row in rows:
        shown.add_row(row["template"] or "", row["status"], str(row["n"]), format_duration(row["p90_seconds"]))
    print_table(console, shown)
