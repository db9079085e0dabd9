"""`sojourn critical-path`: print the attempts and waits that decided when a workflow ended."""

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

    from application.analyse.critical_path import CriticalPath, PathLink

app = typer.Typer()

NAMED_TIES = 3
"""The number of ties that a row names."""


@app.command("critical-path", cls=Listing)
@answers_from_archive
def critical_path(
    ctx: typer.Context,
    workflow_id: WorkflowName,
    at: At = None,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """Print the attempts and waits that decided when a workflow ended.

    Saved is how much earlier the workflow had ended if the link had taken no time. Ties are other tasks that ended
    then, and decided as much. What has not ended counts up to now, or up to --at.
    """
    from application.analyse.critical_path import find_critical_path as read

    with connect.service_as_of(ctx, dsn, at) as (service, time):
        found = read(service.store, workflow_id, time)
    if not found["links"]:
        messages().print(f"workflow {workflow_id!r} had no tasks at {format_time(time)}, or none that took time")
    render(found, as_json=as_json, human=lambda console: print_path(console, found))


def print_path(console: "Console", found: "CriticalPath") -> None:
    """Print the seconds of each kind, and a row for each link."""
    if not found["links"]:
        return
    kinds = [f"{kind} {format_share(seconds / found['seconds'])}" for kind, seconds in found["by_kind"].items()]
    so_far = "" if found["has_ended"] else " so far"
    console.print(f"{found['workflow_id']}  {format_duration(found['seconds'])}{so_far}: {', '.join(kinds)}")
    print_links(console, found["links"])


def print_links(console: "Console", links: "list[PathLink]") -> None:
    """Print a row for each link."""
    from interfaces.cli.columns import detail, entities, entity, table
    from interfaces.cli.table import print_table

    shown = table(entity("entity"), "link", "from", "for>", detail("share>"), "saved>", entities("ties"))
    for link in links:
        shown.add_row(
            link["entity"],
            f"{link['kind']} ({link['detail']})" if link["detail"] else link["kind"],
            link["from"],
            format_duration(link["seconds"]),
            format_share(link["share"]),
            format_duration(link["saved_seconds"]),
            name_ties(link),
        )
    print_table(console, shown)


def name_ties(link: "PathLink") -> str:
    """Return the first ties of a link, and how many others there are."""
    named = link["ties"][:NAMED_TIES]
    more = link["tied"] - len(named)
    return ", ".join([*named, f"{more} more"] if more else named)
