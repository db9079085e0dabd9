"""`sojourn why`: why an entity is where it is."""

from typing import TYPE_CHECKING

import typer

from interfaces.cli import connect
from interfaces.cli.empty_answer import explain_before_first_event
from interfaces.cli.options import At, EntityName, time_of
from interfaces.cli.output import AsJson, Dsn, show
from interfaces.wording.values import format_time, localize_times

if TYPE_CHECKING:
    from rich.console import Console

    from application.read.why import Why

app = typer.Typer()


@app.command()
def why(ctx: typer.Context, entity: EntityName, at: At = None, dsn: Dsn = None, as_json: AsJson = False) -> None:
    """Why an entity is in its status, or why it is an orphan: the events that led there, and a verdict.

    The events are those of the entity, of its task, of the task's other instances and of their array.
    """
    from application.read.why import why as read
    from domain.entity import parse_entity

    named = parse_entity(entity)
    time = time_of(at)
    with connect.service(ctx, dsn) as service:
        found = read(service.store, named, time)
        if found["status"] is None and time:
            explain_before_first_event(service.store, named, time)
    show(found, as_json=as_json, people=lambda console: tell(console, found))


def tell(console: "Console", found: "Why") -> None:
    """What people read: a line an event, and the verdict; nothing where the entity did not exist."""
    from interfaces.cli.table import print_table, table

    if found["status"] is None:
        return
    if found["omitted"]:
        console.print(
            f"({found['omitted']:,} earlier events are left out: `sojourn history {found['entity']}` has all)"
        )
    evidence = {position for orphan in found["orphan"] for position in orphan["evidence"]}
    shown = table("position>", "at", "entity", "what")
    for link in found["chain"]:
        style = "bold" if link["position"] in evidence else "dim" if ".refused." in link["name"] else None
        shown.add_row(
            str(link["position"]), format_time(link["at"]), link["entity"], localize_times(link["text"]), style=style
        )
    print_table(console, shown)
    console.print(f"\n{localize_times(found['verdict'])}", style="bold")
