"""`sojourn status`: print the status of one entity."""

from typing import TYPE_CHECKING

import typer

from application.wording.wait_in_words import describe_wait
from interfaces.cli import connect
from interfaces.cli.archived import answers_from_archive
from interfaces.cli.empty_answer import explain_before_first_event
from interfaces.cli.options import At, EntityName
from interfaces.cli.output import AsJson, Dsn, render
from interfaces.wording.links_in_words import list_some
from interfaces.wording.values import format_duration, format_time

if TYPE_CHECKING:
    from datetime import datetime

    from rich.console import Console

    from application.read.status import Status

app = typer.Typer()


@app.command()
@answers_from_archive
def status(ctx: typer.Context, entity: EntityName, at: At = None, dsn: Dsn = None, as_json: AsJson = False) -> None:
    """Print the status of one entity, and since when."""
    from application.read.status import read_status as read
    from application.shared.as_of import effective_now
    from application.shared.existence import find_entity

    with connect.service_as_of(ctx, dsn, at) as (service, time):
        named = find_entity(service.store, entity)
        found = read(service.store, named, time)
        if found["status"] is None and time:
            explain_before_first_event(service.store, named, time)
        at_present = time or effective_now(service.store)
    render(found, as_json=as_json, human=lambda console: print_status(console, found, at_present))


def print_status(console: "Console", found: "Status", at: "datetime") -> None:
    """Print the status; print nothing where the entity did not exist."""
    since = found["since"]
    if since is None:
        return
    stayed = max((at - since).total_seconds(), 0)
    console.print(f"{found['entity']}  {found['status']}  since {format_time(since)} ({format_duration(stayed)})")
    if found["entity"].startswith("array:"):
        console.print(f"batches {found['attempts']}, version {found['version']}")
    if found["lifecycle"] is None:
        return
    attempts = "attempt" if found["entity"].startswith("ti:") else "attempts"
    console.print(f"{attempts} {found['attempts']}, lifecycle {found['lifecycle']}, version {found['version']}")
    if parent := found.get("parent"):
        console.print(f"a part of task:{parent}")
    if upstream := found.get("upstream"):
        console.print(f"upstream tasks {list_some(upstream)}")
    if wait := found.get("waits_for"):
        console.print(f"{describe_wait({'waits_for': wait})} since {format_time(wait['since'])}")
