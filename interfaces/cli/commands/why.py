"""`sojourn why`: explain the status of an entity."""

from typing import TYPE_CHECKING

import typer

from interfaces.cli import connect
from interfaces.cli.archived import answers_from_archive
from interfaces.cli.empty_answer import explain_before_first_event
from interfaces.cli.options import At, EntityName
from interfaces.cli.output import AsJson, Dsn, print_lines, render
from interfaces.cli.presentation import Listing
from interfaces.wording.values import localize_times

if TYPE_CHECKING:
    from rich.console import Console

    from application.read.why import Why

app = typer.Typer()


@app.command(cls=Listing)
@answers_from_archive
def why(ctx: typer.Context, entity: EntityName, at: At = None, dsn: Dsn = None, as_json: AsJson = False) -> None:
    """Explain why an entity has its status or is an orphan.

    It prints the events that led there, and a verdict.

    The events are those of the entity, its task, the task's other instances and their array.
    """
    from application.read.why import explain_entity as read
    from application.shared.existence import find_entity

    with connect.service_as_of(ctx, dsn, at) as (service, time):
        named = find_entity(service.store, entity)
        found = read(service.store, named, time)
        if found["status"] is None and time:
            explain_before_first_event(service.store, named, time)
    render(found, as_json=as_json, human=lambda console: print_why(console, found))


def print_why(console: "Console", found: "Why") -> None:
    """Print a line for each event, and the verdict; print nothing where the entity did not exist."""
    from interfaces.cli.columns import entity, sentence, table
    from interfaces.cli.table import print_table

    if found["status"] is None:
        return
    if found["omitted"]:
        console.print(f"({found['omitted']:,} events are left out; `sojourn history {found['entity']}` prints all)")
    evidence = {position for orphan in found["orphan"] for position in orphan["evidence"]}
    shown = table("position>", "at", entity("entity"), sentence("what"))
    for link in found["chain"]:
        style = "bold" if link["position"] in evidence else "dim" if ".refused." in link["name"] else None
        shown.add_row(str(link["position"]), link["at"], link["entity"], link["text"], style=style)
    print_table(console, shown)
    print_lines(console, ["", localize_times(found["verdict"])], style="bold")
