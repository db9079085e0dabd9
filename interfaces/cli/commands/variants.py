"""`sojourn variants`: print the paths of tasks or task instances through their statuses."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from interfaces.cli import connect
from interfaces.cli.empty_answer import explain_empty
from interfaces.cli.options import LARGEST, At, EntityKind, Workflow, kind_of
from interfaces.cli.output import AsJson, Dsn, messages, print_lines, render
from interfaces.cli.stated_time import StatedTimes
from interfaces.wording.values import format_duration, format_share

if TYPE_CHECKING:
    from rich.console import Console

    from application.analyse.variants import Variant

app = typer.Typer()

SHOWN = 20
"""The number of variants that are printed without --limit."""


@app.command()
def variants(
    ctx: typer.Context,
    entity: EntityKind = "task",
    workflow: Workflow = None,
    limit: Annotated[
        int | None, typer.Option(metavar="NUMBER", min=1, max=LARGEST, help="Print the most frequent ones.")
    ] = None,
    graph: Annotated[
        Literal["mermaid", "dot"] | None,
        typer.Option(help="Print a graph of which status follows which instead."),
    ] = None,
    at: At = None,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """Print the paths through the statuses, most frequent first.

    With --graph, each edge has its number and the median time in the status before it; with --json as well, the edges
    are the document.
    """
    from application.analyse import variants as read
    from interfaces.wording.status_graph import graph as draw_graph

    kind, stated = kind_of(entity), StatedTimes(at=at)
    with connect.service(ctx, dsn) as service:
        [time] = stated.resolve(service.store)
        if graph:
            edges = read.count_successions(service.store, kind, workflow, time)
            if not edges:
                explain_empty(service.store, kind, workflow, time)
            render(edges, as_json=as_json, human=lambda console: print_graph(console, draw_graph(edges, graph)))
            return
        wanted = limit or (None if as_json else SHOWN + 1)
        rows = read.count_variants(service.store, kind, workflow, time, limit=wanted)
        if not rows:
            explain_empty(service.store, kind, workflow, time)
    render(rows, as_json=as_json, human=lambda console: print_variants(console, rows, limit or SHOWN))


def print_graph(console: "Console", graph: str) -> None:
    """Print a graph line by line, none of which is wrapped."""
    print_lines(console, graph.split("\n"), soft_wrap=True)


def print_variants(console: "Console", rows: "list[Variant]", most: int) -> None:
    """Print a line for each variant."""
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
        messages().print(f"These are the first {most}; --limit prints more, --json all.")
