"""`sojourn variants`: the ways that tasks or task instances have gone through their statuses."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from interfaces.cli import connect
from interfaces.cli.empty_answer import explain_empty
from interfaces.cli.options import At, EntityKind, Workflow, kind_of, time_of
from interfaces.cli.output import AsJson, Dsn, messages, show
from interfaces.wording.values import format_duration, format_share

if TYPE_CHECKING:
    from rich.console import Console

    from application.analyse.variants import Variant

app = typer.Typer()

SHOWN = 20
"""How many variants people are shown, unless they say."""


@app.command()
def variants(
    ctx: typer.Context,
    entity: EntityKind = "task",
    workflow: Workflow = None,
    limit: Annotated[int | None, typer.Option(min=1, help="So many, the most frequent first.")] = None,
    graph: Annotated[
        Literal["mermaid", "dot"] | None,
        typer.Option(help="Print which statuses came right after which, as a graph, instead."),
    ] = None,
    at: At = None,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """The ways that tasks or task instances have gone through their statuses, the most frequent first.

    With --graph, an edge says how often it was taken, and the median time in the status before it; with --json too,
    the edges are the document.
    """
    from application.analyse import variants as read
    from interfaces.wording.status_graph import graph as drawn

    kind, time = kind_of(entity), time_of(at)
    with connect.service(ctx, dsn) as service:
        if graph:
            edges = read.directly_follows(service.store, kind, workflow, time)
            if not edges:
                explain_empty(service.store, kind, workflow, time)
            show(edges, as_json=as_json, people=lambda console: console.print(drawn(edges, graph), soft_wrap=True))
            return
        asked = limit or (None if as_json else SHOWN + 1)
        rows = read.variants(service.store, kind, workflow, time, limit=asked)
        if not rows:
            explain_empty(service.store, kind, workflow, time)
    show(rows, as_json=as_json, people=lambda console: tell(console, rows, limit or SHOWN))


def tell(console: "Console", rows: "list[Variant]", most: int) -> None:
    """What people read: a line a variant."""
    from interfaces.cli.table import print_table, table

    shown = table("n>", "share>", "median>", "statuses", "for example")
    for row in rows[:most]:
        shown.add_row(
            f"{row['n']:,}",
            format_share(row["share"]),
            format_duration(row["median_seconds"]),
            " → ".join(row["statuses"]),
            row["examples"][0],
        )
    if rows:
        print_table(console, shown)
    if len(rows) > most:
        messages().print(f"These are the first {most}: --limit shows more, and --json all.")
