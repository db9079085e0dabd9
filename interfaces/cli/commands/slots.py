"""`sojourn slots`: how many tasks with a tag may run at once, and which hold a slot."""

from typing import TYPE_CHECKING, Annotated

import typer

from interfaces.cli import connect
from interfaces.cli.output import AsJson, Dsn, render
from interfaces.cli.presentation import Listing
from interfaces.wording.values import format_duration

if TYPE_CHECKING:
    from datetime import datetime

    from rich.console import Console

    from application.maintain.slots import TagSlots

app = typer.Typer()


@app.command(cls=Listing)
def slots(
    ctx: typer.Context,
    tag: Annotated[str | None, typer.Argument(metavar="TAG", help="Show one tag.", show_default=False)] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="NUMBER", help="Limit how many tasks with the tag run at once.")
    ] = None,
    no_limit: Annotated[bool, typer.Option("--no-limit", help="Remove the tag's limit.")] = False,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """Show and limit the slots of tags.

    They matter for lifecycles with the rule `concurrency-slots`.

    A task has the tags that it was registered with. Lowering a limit ends no running task.
    """
    from application.maintain.slots import list_slots

    if (limit is not None or no_limit) and tag is None:
        raise typer.BadParameter("no tag is given; name the TAG", param_hint="--limit, --no-limit")
    if limit is not None and no_limit:
        raise typer.BadParameter("--limit and --no-limit exclude each other")
    with connect.service(ctx, dsn) as service:
        if tag is not None and (limit is not None or no_limit):
            service.limit_concurrency(tag, limit)
        found = [slots for slots in list_slots(service.store) if tag in (None, slots["tag"])]
    render(found, as_json=as_json, human=lambda console: print_slots(console, found))


def print_slots(console: "Console", found: "list[TagSlots]") -> None:
    """Print a line for each tag, and below it the holders of its slots."""
    from interfaces.cli.columns import entity, table
    from interfaces.cli.table import print_table

    if not found:
        console.print("No tag has a limit, and no task holds a slot.")
        return
    shown = table("tag", "taken>", "limit>", entity("held by"), "for>")
    for slots in found:
        cells = slots["tag"], str(len(slots["holders"])), "none" if slots["slots"] is None else str(slots["slots"])
        held = [(f"task:{holder['task_id']}", ago(holder["since"])) for holder in slots["holders"]]
        for holder in held or [("", "")]:
            shown.add_row(*cells, *holder)
            cells = "", "", ""
    print_table(console, shown)


def ago(since: "datetime") -> str:
    """Return how long a slot has been held."""
    from datetime import UTC, datetime

    return format_duration(max((datetime.now(UTC) - since).total_seconds(), 0))
