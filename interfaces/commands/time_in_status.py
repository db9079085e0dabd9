"""`sojourn time-in-status`: how long entities stay in each status."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from interfaces import connect
from interfaces.beginning import say_why_nothing
from interfaces.options import At, EntityKind, Workflow, kind_of, time_of
from interfaces.output import AsJson, Dsn, in_words, show

if TYPE_CHECKING:
    from rich.console import Console

    from application.time_in_status import TimeInStatus

app = typer.Typer()

DURATIONS = ("total", "mean", "p50", "p90", "p99", "km_p50", "km_p90")


@app.command("time-in-status")
def time_in_status(
    ctx: typer.Context,
    entity: EntityKind = "task",
    by: Annotated[
        Literal["workflow", "template", "actor"] | None,
        typer.Option(help="A row for each; actor is the component that reported the status."),
    ] = None,
    workflow: Workflow = None,
    at: At = None,
    terminal: Annotated[bool, typer.Option("--terminal", help="Terminal statuses too.")] = False,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """How long tasks or task instances stay in each status.

    An open stay counts up to now, or up to --at. The km columns are Kaplan-Meier quantiles, for which an open stay
    has lasted at least so long; they are empty where too few stays have ended.
    """
    from application.time_in_status import time_in_status as read

    kind = kind_of(entity)
    time = time_of(at)
    with connect.service(ctx, dsn) as service:
        rows = read(service.store, kind, by, workflow, time, terminal=terminal)
        if not rows:
            say_why_nothing(service.store, kind, workflow, time)
    show(rows, as_json=as_json, people=lambda console: tell(console, rows, by))


def tell(console: "Console", rows: "list[TimeInStatus]", by: str | None) -> None:
    """What people read."""
    from interfaces.table import print_table, table

    if not rows:
        return
    names = (*([by] if by else []), "status", "n>", "open>", *(f"{name.replace('_', ' ')}>" for name in DURATIONS))
    shown = table(*names)
    for row in rows:
        durations = [in_words(row[f"{name}_seconds"]) for name in DURATIONS]  # type: ignore[literal-required]
        group = [row["group"] or ""] if by else []
        shown.add_row(*group, row["status"], str(row["n"]), str(row["open"]), *durations)
    print_table(console, shown)
