"""`sojourn slots`: how many tasks with a tag may run at once, and which hold a slot."""

from typing import TYPE_CHECKING, Annotated

import typer

from interfaces.cli import connect
from interfaces.cli.output import AsJson, Dsn, show
from interfaces.wording.values import format_duration

if TYPE_CHECKING:
    from datetime import datetime

    from rich.console import Console

    from application.maintain.slots import TagSlots

app = typer.Typer()


@app.command()
def slots(
    ctx: typer.Context,
    tag: Annotated[str | None, typer.Argument(help="Only this tag.", show_default=False)] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", help="From now on, so many tasks with the tag may run at once.")
    ] = None,
    no_limit: Annotated[bool, typer.Option("--no-limit", help="From now on, any number of them may.")] = False,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """Who holds a slot of which tag, for lifecycles with the rule `concurrency-slots`.

    A task carries the tags that it was registered with. A limit that is lowered ends nobody's run.
    """
    from application.maintain.slots import taken_slots

    if (limit is not None or no_limit) and tag is None:
        raise typer.BadParameter("say of which tag", param_hint="--limit, --no-limit")
    if limit is not None and no_limit:
        raise typer.BadParameter("say --limit or --no-limit, not both")
    with connect.service(ctx, dsn) as service:
        if tag is not None and (limit is not None or no_limit):
            service.limit_concurrency(tag, limit)
        found = [slots for slots in taken_slots(service.store) if tag in (None, slots["tag"])]
    show(found, as_json=as_json, people=lambda console: tell(console, found))


def tell(console: "Console", found: "list[TagSlots]") -> None:
    """What people read: a line a tag, and below it who holds its slots."""
    from interfaces.cli.table import print_table, table

    if not found:
        console.print("No tag has a limit, and no task holds a slot.")
        return
    shown = table("tag", "taken>", "limit>", "held by", "for>")
    for slots in found:
        told = slots["tag"], str(len(slots["holders"])), "none" if slots["slots"] is None else str(slots["slots"])
        held = [(f"task:{holder['task_id']}", ago(holder["since"])) for holder in slots["holders"]]
        for by in held or [("", "")]:
            shown.add_row(*told, *by)
            told = "", "", ""
    print_table(console, shown)


def ago(since: "datetime") -> str:
    """How long somebody has held a slot."""
    from datetime import UTC, datetime

    return format_duration(max((datetime.now(UTC) - since).total_seconds(), 0))
